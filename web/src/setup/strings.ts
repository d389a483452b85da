// The set-up page's words in the language of this device.
import { pick } from '../shared/locale';
import { de } from '../shared/strings/de/setup';
import { en } from '../shared/strings/en/setup';

export const t = pick({ en, de });
