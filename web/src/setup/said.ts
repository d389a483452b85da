// What the hub refused, in the language of this device.
import { asProblem } from '../shared/api/http';
import type { ImportError } from '../shared/api/types';
import { language } from '../shared/locale';
import { header, otherwise, refusals, rows } from '../shared/strings/de/hub';
import { t } from './strings';

function german(code: string, fields: Record<string, unknown>): string {
  const known = refusals[code];
  if (known === undefined) return `${otherwise} (${code})`;
  return typeof known === 'string' ? known : known(fields);
}

/** The hub's own sentence, as one of a page: a rule begins with the name of its field, not with the
    pointer that a program reads. */
function english(detail: string): string {
  const [, pointer = '', rule = detail] = /^(\/[^:\s]*)?: (.*)$/s.exec(detail) ?? [];
  const names = pointer.split('/').filter((part) => part && !/^\d+$/.test(part));
  const name = names.at(-1)?.replaceAll('_', ' ');
  const text = name ? `${name}: ${rule}` : rule;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What to show. The hub speaks English; German has a sentence for each code. */
export function said(cause: unknown): string {
  const problem = asProblem(cause);
  if (problem.unreachable) return t.noAnswer;
  if (language === 'de') return german(problem.code, problem.fields);
  return english(problem.detail || problem.title || t.refused);
}

/** The same of a file, in which no field can be named. */
export function saidOfFile(cause: unknown): string {
  const { code, fields } = asProblem(cause);
  return language === 'de' && code === 'invalid' && !fields.field ? header : said(cause);
}

/** Why the first row of a file cannot be used, in the hub's own words. */
export function saidOfHeader(detail: string): string {
  return language === 'de' ? header : english(detail);
}

/** Why a row of a file was left out. A row tells the field of a rule in its sentence alone. */
export function saidOfRow({ code, detail }: ImportError): string {
  if (language !== 'de') return english(detail || code);
  const field = /^(\/[^:\s]*): /.exec(detail)?.[1];
  return rows[code] ?? german(code, field === undefined ? {} : { field });
}
