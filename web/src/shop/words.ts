// How a figure that the public may see is said: in words, with its tone, and as blocks. Pure.
import type { Shown, StockAt } from '../shared/api/types';
import { count, type Unit } from '../shared/format';
import { t } from './strings';

export type Tone = 'ok' | 'few' | 'none';
export type Said = { text: string; tone: Tone; some: boolean; units: number | null };

/** From this many on nobody is told that they are the last. */
const FEW = 3;

/** Goods that are measured are said without a figure: a shopper counts no grams. */
export function sayShown(shown: Shown, unit: Unit = 'each'): Said {
  if (unit !== 'each' && shown.kind === 'exact')
    return sayShown({ kind: 'yes_no', available: shown.count > 0 });
  if (shown.kind === 'yes_no') {
    const some = shown.available;
    return { text: some ? t.available : t.none, tone: some ? 'ok' : 'none', some, units: null };
  }
  if (shown.kind === 'level') {
    const some = shown.level !== 'out';
    const text = { in_stock: t.available, low: t.low, out: t.none }[shown.level];
    const tone = { in_stock: 'ok', low: 'few', out: 'none' } as const;
    return { text, tone: tone[shown.level], some, units: null };
  }
  const figure = `${count(shown.count)}${shown.more ? '+' : ''}`;
  const units = shown.count;
  if (units === 0) return { text: t.none, tone: 'none', some: false, units };
  if (units <= FEW && !shown.more) return { text: t.last(figure), tone: 'few', some: true, units };
  return { text: t.inStock(figure), tone: 'ok', some: true, units };
}

/** A stale store still has its units set aside: a firm number to reserve, with its age. */
export function sayAt(at: StockAt, unit: Unit = 'each'): Said {
  const said = sayShown(at.shown, unit);
  if (at.state === 'fresh' || !said.some || said.units === null) return said;
  return { ...said, text: t.toReserve(count(said.units)) };
}

export function figure(shown: Shown): string {
  if (shown.kind === 'exact') return `${count(shown.count)}${shown.more ? '+' : ''}`;
  return sayShown(shown).text;
}
