// Units as people type them in lists of goods, and as they are written there. The last mark is
// always the decimal one: in a list nobody writes thousands.
import { decimalMark, type Unit } from '../shared/format';

const DIGITS = 6;
export const longest = (unit: Unit) => (unit === 'each' ? DIGITS : DIGITS + 4);

/** Base units, or null; an empty field is nought. */
export function readUnits(text: string, unit: Unit): number | null {
  const plain = text.trim();
  if (plain === '') return 0;
  const match = /^(\d{1,6})(?:[.,](\d{0,3}))?$/.exec(plain);
  if (!match || (unit === 'each' && plain !== match[1])) return null;
  return unit === 'each' ? Number(match[1])
    : Number(match[1]) * 1000 + Number((match[2] ?? '').padEnd(3, '0'));
}

/** `3`; `0.862` of what is measured. */
export function writeUnits(units: number, unit: Unit): string {
  if (unit === 'each') return String(units);
  return String(units / 1000).replace('.', decimalMark());
}

/** What a key of the pad does to a figure; `fresh`: the first key starts it anew. */
export function pressed(text: string, key: string, fresh: boolean, unit: Unit): string {
  if (key === 'clear') return '';
  if (key === 'back') return fresh ? '' : text.slice(0, -1);
  const next = (fresh ? '' : text) + key;
  return next.length <= longest(unit) ? next : text;
}

export const fieldId = (sku: string, column: string) => `${column}-${sku}`;

/** The field of a line, once it is drawn. Without `anew` the cursor stands at its end, for what
    the pad types is not to be replaced by what the keyboard types. */
export function focusOn(sku: string, column: string, anew = true) {
  requestAnimationFrame(() => {
    const field = document.getElementById(fieldId(sku, column));
    if (!(field instanceof HTMLInputElement)) return;
    field.focus();
    if (!anew) field.setSelectionRange(field.value.length, field.value.length);
  });
}
