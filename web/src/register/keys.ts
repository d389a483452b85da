// The register's keys. Owns which key does what; runs after the scanner's burst rule had its say.
// `Esc` goes back and never destroys; a printable key with nothing focused goes to the search box.
import { attachWedge, editable } from '../shared/wedge';
import { play } from '../shared/sound';
import { desk } from './desk.svelte';
import { search } from './search';
import {
  answerPrint, enterQuery, multiplyTyped, nextSale, scan, selectLine, skipPrint, step, voidLine,
} from './selling';
import { t } from './strings';
import { view } from './view';

/** The shortest barcode is an EAN-8: where amounts are typed, fewer keys are an amount. */
const SHORTEST_BESIDE_AMOUNTS = 8;

let box: HTMLInputElement | null = null;

export function searchBox(element: HTMLInputElement) {
  box = element;
  return () => {
    if (box === element) box = null;
  };
}

export function focusSearch() {
  desk.menu = false;
  if (view()) return box?.focus();
  if (desk.paid) nextSale();
  desk.panel = null;
  desk.clearNotices();
  queueMicrotask(() => requestAnimationFrame(() => box?.focus()));
}

export const inSearchBox = (event: KeyboardEvent) => event.target === box;

export function typeToSearch(text: string) {
  desk.query += text;
  search.typed();
  box?.focus();
}

function moveSelection(by: number) {
  if (desk.locked) return;
  const at = desk.lines.findIndex((l) => l.id === desk.selected);
  const next = desk.lines[at + by];
  if (next) selectLine(next);
}

function back() {
  if (desk.menu) desk.menu = false;
  else if (view()?.back()) return;
  else if (desk.panel) {
    desk.panel = null;
    desk.clearNotices();
  }
  else if (desk.notFound || desk.refusal || desk.expired) desk.clearNotices();
  else if (desk.query || desk.results) search.clear();
  else if (desk.times > 1) desk.times = 1;
  else if (desk.question) desk.putOff = [...desk.putOff, desk.question.id];
  else if (editable(document.activeElement)) document.activeElement.blur();
}

const panels: Record<string, () => void> = {
  F1: () => (desk.menu = true),
  F2: focusSearch,
  F8: () => (desk.panel = desk.panel === 'receipts' ? null : 'receipts'),
  F10: () => (desk.panel = 'no_sale'),
  F12: () => {
    if (desk.lines.length > 0 && !desk.paid && !desk.paying) desk.quote();
  },
};

/** Keys of the screen where items are scanned and typed; true when the key was used. */
function selling(event: KeyboardEvent): boolean {
  const inBox = event.target === box;
  const elsewhere = event.target !== document.body && !inBox;
  const listed = desk.results !== null && desk.results.length > 0;
  switch (event.key) {
    case 'Enter':
      if (elsewhere) return false;
      if (desk.paid && !desk.query) nextSale();
      else void enterQuery();
      return true;
    case 'ArrowDown':
    case 'ArrowUp': {
      const by = event.key === 'ArrowDown' ? 1 : -1;
      if (!listed) moveSelection(by);
      else {
        const last = (desk.results?.length ?? 1) - 1;
        desk.highlighted = Math.min(last, Math.max(0, desk.highlighted + by));
      }
      return true;
    }
    case 'Delete':
      if (desk.query || !desk.line || desk.locked) return false;
      if (event.shiftKey) desk.panel = 'void_ticket';
      else void voidLine(desk.line);
      return true;
    case 'Backspace':
      if (inBox || !desk.query) return false;
      desk.query = desk.query.slice(0, -1);
      search.typed();
      return true;
    case '*':
      return multiplyTyped();
    case '+':
    case '-':
      if (desk.query || !desk.line || desk.locked) return false;
      void step(desk.line.id, event.key === '+' ? 1 : -1);
      return true;
  }
  // A blank presses the focused button.
  if (inBox || editable(event.target) || event.key.length !== 1) return false;
  if (event.key === ' ' && elsewhere) return false;
  if (desk.paid) nextSale();
  typeToSearch(event.key);
  return true;
}

/** Alt and a letter: what the printer asks, wherever the notice is on the screen. */
function printing(event: KeyboardEvent): boolean {
  if (!event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return false;
  if (desk.phase !== 'sell' || desk.agentGone || desk.paying || desk.menu) return false;
  const key = event.key.toLowerCase();
  const waits = skippable();
  if (desk.question && key === t.yesKey) void answerPrint(desk.question.id, true);
  else if (desk.question && key === t.againKey) void answerPrint(desk.question.id, false);
  else if (!desk.question && waits && key === t.skipKey) void skipPrint(waits.id);
  else return false;
  return true;
}

/** The receipt that the notice is about: of the sale just paid, else the one that waits longest. */
export function skippable() {
  const number = desk.paid?.sale.receipt_number;
  return desk.waiting.find((j) => j.receipt_number === number) ?? desk.waiting.at(-1) ?? null;
}

function onKey(event: KeyboardEvent) {
  if (printing(event)) return event.preventDefault();
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
  if (desk.phase !== 'sell' || desk.agentGone) return;
  const used =
    event.key === 'F1' && desk.menu ? ((desk.menu = false), true)
    : event.key in panels ? (desk.menu = false, panels[event.key](), true)
    : event.key === 'Escape' ? (back(), true)
    : desk.panel === null && !desk.menu ? selling(event)
    : !desk.menu ? (view()?.key(event) ?? false)
    : false;
  if (used) event.preventDefault();
}

function shortest(): number | null {
  const amounts = desk.paying || desk.panel === 'weigh' || view()?.figures();
  if (desk.phase === 'sell') return amounts ? SHORTEST_BESIDE_AMOUNTS : 3;
  return desk.phase === 'float' ? SHORTEST_BESIDE_AMOUNTS : null;
}

export function listenToKeys(): () => void {
  const detach = attachWedge({
    shortest,
    scan(code) {
      desk.menu = false;
      const open = view();
      if (desk.phase === 'sell' && open) open.scan(code);
      // Before the view is there its scans are nobody's: they would be sold.
      else if (desk.phase === 'sell' && desk.panel !== 'stock') void scan(code);
      else play('blocked');
    },
    snapshot() {
      const before = desk.query;
      const focused = document.activeElement;
      const paid = desk.paid;
      const undo = view()?.snapshot();
      return () => {
        undo?.();
        desk.query = before;
        desk.paid = paid;
        search.typed();
        if (document.activeElement !== focused && focused === document.body) box?.blur();
      };
    },
    typed: (text) => {
      if (desk.phase === 'sell' && desk.panel === null) typeToSearch(text);
      else if (desk.phase === 'sell') view()?.typed(text);
    },
  });
  window.addEventListener('keydown', onKey);
  return () => {
    detach();
    window.removeEventListener('keydown', onKey);
  };
}
