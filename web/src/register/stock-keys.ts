// Scans and keys in the stock view. Figures belong to the item in hand, all else to the search.
import { editable } from '../shared/wedge';
import { desk } from './desk.svelte';
import { inSearchBox, typeToSearch } from './keys';
import { search } from './search';
import { stock } from './stock.svelte';
import type { View } from './view';

function key(event: KeyboardEvent): boolean {
  const inBox = inSearchBox(event);
  if (editable(event.target) && !inBox) return false;
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

function typed(text: string) {
  if (!stock.field || !stock.item || !/^[\d.,]+$/.test(text)) return typeToSearch(text);
  stock.typed += text;
  stock.field.focus();
}

export const stockView: View = {
  key,
  typed,
  scan: (code) => void stock.scan(code),
  heard: (event) => stock.heard(event),
  figures: () => stock.item !== null,
  back() {
    if (desk.query || desk.results) search.clear();
    else if (stock.item || stock.trouble) stock.clear();
    else return false;
    return true;
  },
  snapshot() {
    const before = stock.typed;
    return () => {
      stock.typed = before;
    };
  },
};
