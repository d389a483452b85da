// Tax rates between basis points and what people type. Pure.
import { decimalMark } from '../shared/format';

/** `23` or `13.5` percent to 2300 or 1350 basis points, without floating point. */
export function parseRate(text: string): number | null {
  const match = /^(\d{1,2})(?:[.,](\d{1,2}))?\s*%?$/.exec(text.trim());
  if (!match) return null;
  return Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0') || '0');
}

export function rateText(basisPoints: number): string {
  const whole = Math.floor(basisPoints / 100);
  const part = String(basisPoints % 100).padStart(2, '0').replace(/0+$/, '');
  return part ? `${whole}${decimalMark()}${part}` : String(whole);
}
