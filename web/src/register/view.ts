// A view that takes scans and keys in place of the ticket while it is open. It is loaded when it is
// opened, so the register's own files know it by this shape alone.
import type { AgentEvent } from '../shared/api/agent';

export type View = {
  /** A code of a scanner that types. */
  scan(code: string): void;
  /** What the agent says; true when it was for the view. */
  heard(event: AgentEvent): boolean;
  /** True when the key was used. */
  key(event: KeyboardEvent): boolean;
  /** Keys that were held back and were no scan, when no field has the focus. */
  typed(text: string): void;
  /** `Esc`: true when there was something in the view to go back from. */
  back(): boolean;
  /** Whether figures are typed now, so that few keys are no scan. */
  figures(): boolean;
  /** Undoes what the first key of a scan leaves behind. */
  snapshot(): () => void;
};

let open: View | null = null;

export const view = (): View | null => open;

export function takeOver(mine: View): () => void {
  open = mine;
  return () => {
    if (open === mine) open = null;
  };
}
