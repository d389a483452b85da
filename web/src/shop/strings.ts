// The shop's words in the language of this device.
import { pick } from '../shared/locale';
import { de } from '../shared/strings/de/shop';
import { en } from '../shared/strings/en/shop';

export const t = pick({ en, de });
