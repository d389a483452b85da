// The customer display's words in the language of its screen.
import { pick } from '../shared/locale';
import { de } from '../shared/strings/de/display';
import { en } from '../shared/strings/en/display';

export const t = pick({ en, de });
