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

/** What to show. The hub speaks English; German has a sentence for each code. */
export function said(cause: unknown): string {
  const problem = asProblem(cause);
  if (problem.unreachable) return t.noAnswer;
  if (language !== 'de') return problem.detail || problem.title || t.refused;
  return german(problem.code, problem.fields);
}

/** The same of a file, in which no field can be named. */
export function saidOfFile(cause: unknown): string {
  const { code, fields } = asProblem(cause);
  return language === 'de' && code === 'invalid' && !fields.field ? header : said(cause);
}

/** Why a row of a file was left out. A row tells the field of a rule in its sentence alone. */
export function saidOfRow({ code, detail }: ImportError): string {
  if (language !== 'de') return detail || code;
  const field = /^(\/[^:\s]*): /.exec(detail)?.[1];
  return rows[code] ?? german(code, field === undefined ? {} : { field });
}
