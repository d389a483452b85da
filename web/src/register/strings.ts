// The register's words in the language of this device.
import { pick } from '../shared/locale';
import { de } from '../shared/strings/de/register';
import { en } from '../shared/strings/en/register';

export const t = pick({ en, de });
