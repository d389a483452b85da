// Words about goods on the way in the language of this device; loaded with the stock view.
import { pick } from '../shared/locale';
import { de } from '../shared/strings/de/moving';
import { en } from '../shared/strings/en/moving';

export const words = pick({ en, de });
