// The stock view's words in the language of this device; loaded with the view.
import { pick } from '../shared/locale';
import { de } from '../shared/strings/de/stock';
import { en } from '../shared/strings/en/stock';

export const words = pick({ en, de });
