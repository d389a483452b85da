// Turns figures into words for people, through `Intl` alone, and reads amounts that people type.
// Owns no currency table: the digits of a currency are asked of `Intl`. Minus is U+2212.
import { language, locale } from './locale';

export type Money = { minor: number; currency: string };

const made = new Map<string, Intl.NumberFormat>();

function number(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = locale + JSON.stringify(options);
  let format = made.get(key);
  if (!format) made.set(key, (format = new Intl.NumberFormat(locale, options)));
  return format;
}

const minus = (text: string) => text.replace('-', '\u2212');

export function minorDigits(currency: string): number {
  return number({ style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

const major = (value: Money) => value.minor / 10 ** minorDigits(value.currency);

/** `€34.90` or `34,90 €`. */
export function money(value: Money): string {
  return minus(number({ style: 'currency', currency: value.currency }).format(major(value)));
}

export type Unit = 'each' | 'gram' | 'millilitre';

/** `€34.90`, `€12.90/kg`: the price of an item, a dash for one that has none yet. */
export function price(value: Money | null | undefined, unit: Unit = 'each'): string {
  if (!value) return '\u2013';
  return unit === 'each' ? money(value) : `${money(value)}/${unit === 'gram' ? 'kg' : 'l'}`;
}

/** `€90`: a round sum without its zeros, for notes. */
export function note(value: Money): string {
  const whole = value.minor % 10 ** minorDigits(value.currency) === 0;
  const digits = whole ? 0 : minorDigits(value.currency);
  return number({
    style: 'currency',
    currency: value.currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(major(value));
}

/** An amount without its currency, for columns whose total has it. */
export function amount(value: Money): string {
  const digits = minorDigits(value.currency);
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return minus(number(options).format(major(value)));
}

export function count(n: number): string {
  return minus(number({}).format(n));
}

/** `3`, `0.862 kg`, `1.500 l`: a quantity in its item's unit. */
export function measure(quantity: number, unit: Unit): string {
  if (unit === 'each') return count(quantity);
  return number({
    style: 'unit',
    unit: unit === 'gram' ? 'kilogram' : 'liter',
    minimumFractionDigits: 3,
    maximumFractionDigits: 3,
  }).format(quantity / 1000);
}

export function percent(basisPoints: number): string {
  return number({ style: 'percent', maximumFractionDigits: 2 }).format(basisPoints / 10_000);
}

/** `40 sec`, `12 min`, `3 hr`, `2 days`: one unit, rounded down. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  // Without the region, because some write "12 mins" where the design says "12 min".
  const say = (n: number, unit: string) =>
    new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' }).format(n);
  if (seconds < 60) return say(seconds, 'second');
  if (seconds < 3600) return say(Math.floor(seconds / 60), 'minute');
  if (seconds < 48 * 3600) return say(Math.floor(seconds / 3600), 'hour');
  return say(Math.floor(seconds / 86_400), 'day');
}

/** `14:59`, for countdowns. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = number({ minimumIntegerDigits: 2, useGrouping: false });
  return `${two.format(Math.floor(seconds / 60))}:${two.format(seconds % 60)}`;
}

function date(options: Intl.DateTimeFormatOptions, at: string | number, zone?: string): string {
  return new Intl.DateTimeFormat(locale, { ...options, timeZone: zone }).format(new Date(at));
}

/** `10:42`, in the zone of the store when one is given. */
export function time(at: string | number, zone?: string): string {
  return date({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }, at, zone);
}

export function dateTime(at: string | number, zone?: string): string {
  const clockParts = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  return date({ day: 'numeric', month: 'short', ...clockParts }, at, zone);
}

/** `2026-11-30` as `30 Nov 2026`. */
export function day(iso: string): string {
  return date({ day: 'numeric', month: 'short', year: 'numeric' }, `${iso}T12:00:00Z`, 'UTC');
}

export function decimalMark(): string {
  return number({ minimumFractionDigits: 1 }).formatToParts(0.5)
    .find((p) => p.type === 'decimal')?.value ?? '.';
}

/** `as of 10:42` needs a day once the figure is old. */
export function moment(at: string, zone?: string): string {
  const old = Date.now() - new Date(at).getTime() > 20 * 3600_000;
  return old ? dateTime(at, zone) : time(at, zone);
}

/**
 * Reads an amount as people type it: `12`, `12.5`, `12,50`, `1,250.00`. The last mark is the
 * decimal one unless three digits follow it. Answers the minor units, or null.
 */
export function parseAmount(text: string, currency: string): number | null {
  return parseDecimal(text, minorDigits(currency));
}

/**
 * The same of any figure with this many digits behind its mark: `0.862` is 862 of 3. Three digits
 * behind one mark are a fraction where it has so many and the mark is the language's own: `1.500`
 * is one kilogram and a half, as `1,500` is in German.
 */
export function parseDecimal(text: string, digits: number): number | null {
  const plain = text.replace(/[\s\u00a0\u202f']/g, '');
  const half = /^(\d{1,9})([.,])(\d{3})$/.exec(plain);
  if (half && digits >= 3 && half[2] === decimalMark())
    return Number(half[1]) * 10 ** digits + Number(half[3].padEnd(digits, '0'));
  const match = /^([1-9]\d{0,2}([.,])\d{3}(?:\2\d{3})*|\d+)(?:[.,](\d*))?$/.exec(plain);
  if (!match) return null;
  const fraction = match[3] ?? '';
  if (fraction.length > digits) return null;
  const whole = match[1].replace(/[.,]/g, '');
  if (whole.length > 9) return null;
  return Number(whole) * 10 ** digits + Number(fraction.padEnd(digits, '0') || '0');
}
