// A scanner that types like a keyboard. Tells a burst of keys from typing, whatever has the focus.
// Owns the burst rule; knows no page. Invariants: a burst that was a scan leaves nothing behind in
// the focused field; keys that were no scan reach it all the same.

export const GAP_MS = 35;
const SHORTEST = 3;
/** Some scanners pause before their Enter. No hand types three keys at 35 ms before it. */
const ENTER_GAP_MS = 120;
const LONGEST = 4096;

export type WedgeOptions = {
  scan(code: string): void;
  /** How long a code must be to count here; null leaves the keyboard alone. */
  shortest?(): number | null;
  /** Called at the first key of what may become a burst; its answer undoes what leaks. */
  snapshot?(): () => void;
  /** Held-back keys that were no scan after all, when no field has the focus. */
  typed?(text: string): void;
};

type Field = HTMLInputElement | HTMLTextAreaElement;

export function editable(target: EventTarget | null): target is Field {
  return (
    (target instanceof HTMLInputElement && !['checkbox', 'radio', 'file'].includes(target.type)) ||
    target instanceof HTMLTextAreaElement
  );
}

const changed = (field: Field) => field.dispatchEvent(new Event('input', { bubbles: true }));

function fieldSnapshot(): () => void {
  const field = document.activeElement;
  if (!editable(field)) return () => {};
  const { value, selectionStart, selectionEnd } = field;
  return () => {
    if (field.value === value) return;
    field.value = value;
    field.setSelectionRange(selectionStart, selectionEnd);
    changed(field);
  };
}

export function attachWedge(options: WedgeOptions): () => void {
  let code = '';
  let held = '';
  let last = -Infinity;
  let undo: (() => void)[] = [];
  let release: ReturnType<typeof setTimeout> | undefined;

  const swallow = (event: KeyboardEvent) => {
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  const forget = () => {
    clearTimeout(release);
    code = held = '';
    undo = [];
  };
  const giveBack = () => {
    const text = held;
    held = '';
    if (!text) return;
    const field = document.activeElement;
    if (editable(field)) {
      field.setRangeText(text, field.selectionStart ?? 0, field.selectionEnd ?? 0, 'end');
      changed(field);
    } else options.typed?.(text);
  };

  const onKey = (event: KeyboardEvent) => {
    const shortest = options.shortest ? options.shortest() : SHORTEST;
    if (shortest === null || event.isComposing || event.ctrlKey || event.altKey || event.metaKey)
      return forget();
    const gap = event.timeStamp - last;
    if (event.key === 'Enter') {
      const scan = gap <= ENTER_GAP_MS && code.length >= Math.max(shortest, SHORTEST);
      if (scan) {
        swallow(event);
        clearTimeout(release);
        held = '';
        const found = code;
        undo.forEach((f) => f());
        forget();
        options.scan(found);
      } else {
        giveBack();
        forget();
      }
      return;
    }
    if (event.key.length !== 1) {
      // A scanner holds Shift for capitals; every other key ends the burst.
      if (event.key !== 'Shift') {
        giveBack();
        forget();
      }
      return;
    }
    if (event.repeat) return;
    last = event.timeStamp;
    if (gap > GAP_MS || code === '') {
      giveBack();
      forget();
      code = event.key;
      undo = [fieldSnapshot(), options.snapshot?.() ?? (() => {})];
      return;
    }
    if (code.length < LONGEST) code += event.key;
    held += event.key;
    swallow(event);
    clearTimeout(release);
    // If no key follows, this was quick typing: the field gets what was held back.
    release = setTimeout(giveBack, GAP_MS + 15);
  };
  document.addEventListener('keydown', onKey, { capture: true });
  return () => document.removeEventListener('keydown', onKey, { capture: true });
}
