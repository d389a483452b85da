// A refusal of the agent in the language of this device.
import type { Problem } from '../shared/api/http';
import { language } from '../shared/locale';
import { otherwise, refusals } from '../shared/strings/de/agent';

/** What to show. The agent speaks English; German has a sentence for each code. */
export function said(problem: Problem): string {
  if (language !== 'de') return problem.detail || problem.title;
  const known = refusals[problem.code];
  if (known === undefined) return `${otherwise} (${problem.code})`;
  return typeof known === 'string' ? known : known(problem.fields);
}
