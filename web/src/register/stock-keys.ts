// Scans and keys in the stock view and in what is on the way, a part of it. Figures belong to the
// item in hand, all else to the search, where there is one.
import { editable } from '../shared/wedge';
import { desk } from './desk.svelte';
import { inSearchBox, typeToSearch } from './keys';
import { moving } from './moving.svelte';
import { search } from './search';
import { sending } from './sending.svelte';
import { stock } from './stock.svelte';
import { unpacking } from './unpacking.svelte';
import type { View } from './view';

function key(event: KeyboardEvent): boolean {
  if (event.key === 'F4') {
    if (moving.screen) moving.goTo(null);
    else moving.goTo({ at: 'list' });
    return true;
  }
  const inBox = inSearchBox(event);
  // In a choice letters choose.
  const choice = event.target instanceof HTMLSelectElement;
  if (choice || (editable(event.target) && !inBox)) return false;
  const last = (desk.results?.length ?? 0) - 1;
  if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && last >= 0) {
    const by = event.key === 'ArrowDown' ? 1 : -1;
    desk.highlighted = Math.min(last, Math.max(0, desk.highlighted + by));
    return true;
  }
  const elsewhere = event.target !== document.body && !inBox;
  if (event.key === 'Enter' && desk.query && !elsewhere) {
    void stock.enter();
    return true;
  }
  // A blank presses the focused button.
  if (inBox || event.key.length !== 1 || (event.key === ' ' && elsewhere)) return false;
  typed(event.key);
  return true;
}

/** Whether a key types into the list of goods that is open; null: there is none. */
function listed(text: string): boolean | null {
  const at = moving.screen?.at;
  if (at !== 'unpack' && at !== 'send') return at ? false : null;
  const list = at === 'unpack' ? unpacking : sending;
  if (list.sku && /^[\d.,]+$/.test(text)) return [...text].forEach((key) => list.press(key)), true;
  return at === 'unpack' ? false : null;
}

function typed(text: string) {
  if (listed(text) !== null) return;
  if (!stock.field || !stock.item || !/^[\d.,]+$/.test(text)) return typeToSearch(text);
  stock.typed += text;
  stock.field.focus();
}

export const stockView: View = {
  key,
  typed,
  scan: (code) => void stock.scan(code),
  heard: (event) => moving.heard(event) || stock.heard(event),
  figures: () => stock.item !== null || moving.screen !== null,
  back() {
    if (desk.query || desk.results) search.clear();
    else if (moving.screen && stock.trouble) stock.trouble = null;
    // What is in hand behind the list stays in hand.
    else if (moving.back()) return true;
    else if (stock.item || stock.trouble) stock.clear();
    else return false;
    return true;
  },
  snapshot() {
    const before = stock.typed;
    const figures = [unpacking.snapshot(), sending.snapshot()];
    return () => {
      figures.forEach((undo) => undo());
      stock.typed = before;
    };
  },
};
