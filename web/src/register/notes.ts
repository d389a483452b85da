// Which round sums a shopper is likely to give. Pure.

const steps = [5, 10, 20, 50, 100, 200];

/** Up to three sums above the total, in minor units, reached by whole notes. */
export function likelyNotes(total: number, digits: number): number[] {
  // Currencies without minor units count in larger notes.
  const unit = digits === 0 ? 100 : 10 ** digits;
  const sums = steps.map((s) => Math.ceil(total / (s * unit)) * s * unit);
  const distinct = [...new Set(sums)].filter((s) => s > total).sort((a, b) => a - b);
  return distinct.slice(0, 3);
}

/** The notes on the pad's side, in minor units. */
export function padNotes(digits: number): number[] {
  const unit = digits === 0 ? 100 : 10 ** digits;
  return [50, 20, 10].map((n) => n * unit);
}
