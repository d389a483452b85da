// The bench's words in the language of this device.
import { pick } from '../shared/locale';
import { de } from '../shared/strings/de/bench';
import { en } from '../shared/strings/en/bench';

export const t = pick({ en, de });
