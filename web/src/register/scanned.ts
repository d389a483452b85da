// Which numbers of items a scanned text may mean, where the page looks it up and the agent sells
// nothing. Knows the marks that scanners put in front and how GS1 codes carry an item's number.

/** `]E0`, `]C1`: which kind of code it was. */
const MARK = /^\][A-Za-z]\w/;

/** The texts to look for, the likeliest first. */
export function itemCodes(scanned: string): string[] {
  const code = scanned.trim().replace(MARK, '');
  const gs1 = /^(?:\(01\)|01)(\d{14})/.exec(code) ?? /^https?:\/\/\S*\/01\/(\d{8,14})/.exec(code);
  const found = gs1 ? sameNumber(gs1[1]) : [];
  // A code of the catalogue's own may look like one of GS1's.
  return [...new Set([...(/^\d{8,14}$/.test(code) ? sameNumber(code) : [code]), ...found])];
}

/** A number of trade items with and without the noughts in front. */
function sameNumber(digits: string): string[] {
  const bare = digits.replace(/^0+/, '');
  const padded = [8, 12, 13, 14].filter((n) => n >= bare.length).map((n) => bare.padStart(n, '0'));
  return [digits, ...padded];
}

/** A number of a barcode's length whose check digit is wrong. */
export function likelyMisread(scanned: string): boolean {
  const code = scanned.trim().replace(MARK, '');
  if (!/^\d{8}$|^\d{12,14}$/.test(code)) return false;
  const digits = [...code].map(Number).reverse();
  const sum = digits.slice(1).reduce((s, d, i) => s + d * (i % 2 === 0 ? 3 : 1), 0);
  return (10 - (sum % 10)) % 10 !== digits[0];
}
