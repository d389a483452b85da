// What a rejected fact says happened, read out of its frame. The frame is as it came: it may be
// anything, and what is not as it should be is left out.
import type { RejectedFact } from '../shared/api/types';

export type Said = {
  /** sale, in, ...; null: it cannot be read. */
  kind: string | null;
  /** Its receipt, where it has one. */
  receipt: string;
  lines: { sku: string; units: number }[];
};

/** What a hub of this release can book late. What says how things stood then (a count, the end of a
    life) is not, nor what it cannot read. */
const LATE = ['sale', 'in', 'back', 'handover', 'released', 'sent', 'arrived'];
export const isOfThen = (kind: string | null) => kind === null || !LATE.includes(kind);

/** As much of a text as somebody needs to know it again. */
const TEXT_MAX = 64;

type Any = Record<string, unknown>;
const object = (value: unknown): Any =>
  typeof value === 'object' && value !== null ? (value as Any) : {};
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const number = (value: unknown) => (typeof value === 'number' ? value : 0);

function line(value: unknown): Said['lines'] {
  // A pair, or a line with its units in parts.
  const [sku, pair] = Array.isArray(value) ? value : [object(value).sku, null];
  const it = object(value);
  const parts = number(it.share) + number(it.beyond) + number(it.good) + number(it.damaged);
  const units = pair === null ? parts : number(pair);
  return typeof sku === 'string' ? [{ sku: sku.slice(0, TEXT_MAX), units }] : [];
}

export function saidBy(fact: RejectedFact): Said {
  const body = object(object(object(fact.frame).fact).body);
  const kind = typeof body.body === 'string' ? body.body : null;
  const receipt = object(body.sale).receipt_number;
  const own = typeof body.sku === 'string'
    ? [{ sku: body.sku.slice(0, TEXT_MAX), units: number(body.quantity ?? body.found) }]
    : [];
  return {
    kind,
    receipt: typeof receipt === 'string' ? receipt.slice(0, TEXT_MAX) : '',
    lines: [...own, ...list(body.lines ?? body.left).flatMap(line)],
  };
}
