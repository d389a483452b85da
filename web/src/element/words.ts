// What the element says, in English and German. Pure: a figure goes in, words come out.
import type { Item, Shown, StockAt } from './hub';

/** `loading`, then one of the figures; `unknown` when there is none to be had. */
export type State = 'loading' | 'in-stock' | 'low' | 'out' | 'unknown';

export type Said = {
  state: State;
  line: string;
  note: string;
  /** The store, or that it is about all of them. */
  place: string;
  /** How old the figure is; empty: it is of this moment. */
  age: string;
  /** Blocks on the shelf; none: the hub told no number. */
  units: number | null;
};

const en = {
  loading: 'Checking stock',
  unknown: 'Stock is not known right now',
  stock: 'Stock',
  live: 'Live',
  asOf: (time: string) => `as of ${time}`,
  count: (n: string) => `${n} in stock`,
  last: (n: string) => (n === '1' ? 'Last one' : `Last ${n}`),
  toReserve: (n: string) => `${n} to reserve`,
  keptAside: 'Kept aside for online orders.',
  inStock: 'In stock',
  low: 'Only a few left',
  out: 'Out of stock',
  noneHere: 'None here today',
};

const de: typeof en = {
  loading: 'Bestand wird abgefragt',
  unknown: 'Der Bestand ist gerade nicht bekannt',
  stock: 'Bestand',
  live: 'Live',
  asOf: (time) => `Stand ${time}`,
  count: (n) => `${n} vorrätig`,
  last: (n) => (n === '1' ? 'Nur noch eins' : `Nur noch ${n}`),
  toReserve: (n) => `${n} zum Reservieren`,
  keptAside: 'Für Online-Bestellungen zurückgelegt.',
  inStock: 'Vorrätig',
  low: 'Nur noch wenige',
  out: 'Nicht vorrätig',
  noneHere: 'Heute nicht hier',
};

export const wordsOf = (lang: string) => (lang.toLowerCase().startsWith('de') ? de : en);

/** From this many on nobody is told that they are the last. */
const FEW = 3;
/** A figure of another day carries its date. */
const DAY_MS = 20 * 60 * 60 * 1000;

function time(at: number, lang: string): string {
  const day = Date.now() - at > DAY_MS ? ({ day: 'numeric', month: 'short' } as const) : {};
  return new Intl.DateTimeFormat(lang, { hour: '2-digit', minute: '2-digit', ...day }).format(at);
}

/** What a figure comes to: words, and as many blocks as there are units. */
function figure(shown: Shown, here: boolean, lang: string): Pick<Said, 'state' | 'line' | 'units'> {
  const t = wordsOf(lang);
  const none = here ? t.noneHere : t.out;
  if (shown.kind === 'exact') {
    const units = shown.count;
    const n = new Intl.NumberFormat(lang).format(units) + (shown.more ? '+' : '');
    if (units === 0 && !shown.more) return { state: 'out', line: none, units };
    if (units <= FEW && !shown.more) return { state: 'low', line: t.last(n), units };
    return { state: 'in-stock', line: t.count(n), units };
  }
  const level =
    shown.kind === 'level' ? shown.level : shown.available ? ('in_stock' as const) : ('out' as const);
  if (level === 'out') return { state: 'out', line: none, units: null };
  if (level === 'low') return { state: 'low', line: t.low, units: null };
  return { state: 'in-stock', line: t.inStock, units: null };
}

/** `heard`: when the line was cut, in ms; none while it is live. */
export function say(item: Item, location: string | null, heard: number | null, lang: string): Said {
  const t = wordsOf(lang);
  const at: StockAt | undefined = item.locations.find((l) => l.location === location);
  if (location !== null && !at) return silent('unknown', lang);
  const silence = at && at.state !== 'fresh' ? Date.parse(at.as_of) : null;
  const old = silence === null ? heard : Math.min(silence, heard ?? silence);
  const said = figure(at ? at.shown : item.total, at !== undefined, lang);
  const place = at ? at.name : t.stock;
  const age = old === null ? '' : t.asOf(time(old, lang));
  // A silent store's units for the web are set aside: nobody at its register can sell them.
  if (silence === null || !said.units) return { ...said, note: '', place, age };
  const line = t.toReserve(new Intl.NumberFormat(lang).format(said.units));
  return { ...said, line, note: t.keptAside, place, age };
}

/** Without a figure. */
export function silent(state: 'loading' | 'unknown', lang: string): Said {
  const t = wordsOf(lang);
  return { state, line: t[state], note: '', place: t.stock, age: '', units: null };
}
