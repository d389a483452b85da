// Chooses a quiet picture for an item that has none: a shape from the words of its name, a tone
// from its colour words, both steady for the same name. Decoration only: it says nothing by itself.

export type Art =
  | 'bottle' | 'mug' | 'pouch' | 'beanie' | 'notebook' | 'lantern' | 'candle' | 'bag' | 'towel'
  | 'socks' | 'box' | 'jar' | 'tin' | 'frame';

const words: [Art, RegExp][] = [
  ['socks', /sock|glove|mitten/i],
  ['beanie', /beanie|\bhat\b|\bcap\b/i],
  ['lantern', /lantern|lamp|\blights?\b|t-light/i],
  ['candle', /candle|incense/i],
  ['mug', /mug|cup|jug|bowl|teapot|tea set|saucer/i],
  ['bottle', /bottle|water|juice|\bmilk|wine|oil|shampoo|lait|\beau\b|drink|flask/i],
  ['towel', /towel|scarf|shawl|blanket|cushion|cloth|linen|apron|curtain|throw/i],
  ['pouch', /coffee|bean|chips|pasta|flour|sugar|rice|granola|cereal|nuts|seed|tea\b|café/i],
  ['notebook', /note ?book|book|diary|journal|paper|card|wrap/i],
  ['bag', /bag|pack\b|backpack|purse|lunch|shopper/i],
  ['jar', /jam|honey|jar|sauce|spread|butter|mustard|yog|yaourt|confiture|cream|crème/i],
  ['tin', /tin\b|can\b|soup|tuna|thon|box of|biscuit|cookie|chocolat/i],
  ['frame', /frame|sign|clock|mirror|picture|hook|hanger|heart/i],
];
const rest: Art[] = ['box'];

const colours: [RegExp, string][] = [
  [/\b(red|rouge|rot)\b/i, '#a5483d'],
  [/\b(moss|green|olive|vert|grün)\b/i, '#5f7050'],
  [/\b(ink|navy|blue|bleu|blau)\b/i, '#3f5170'],
  [/\b(clay|terracotta|orange|copper)\b/i, '#b4593a'],
  [/\b(cream|ivory|white|blanc|weiß|natural)\b/i, '#e4dac4'],
  [/\b(charcoal|black|noir|schwarz|grey|gray|slate)\b/i, '#55585e'],
  [/\b(pink|rose|rosa)\b/i, '#c1858b'],
  [/\b(yellow|gold|honey|lemon|gelb)\b/i, '#d0a243'],
  [/\b(sea|teal|aqua|turquoise)\b/i, '#6f98a0'],
  [/\b(oat|sand|beige|brown|wood|wooden)\b/i, '#b59b74'],
  [/\b(purple|lilac|violet|lavender)\b/i, '#7f6a94'],
];
const tones = [
  '#5f7050', '#6f98a0', '#b59b74', '#7b4a32', '#55585e', '#33415f', '#b4593a', '#d0a243',
  '#4c6272', '#8a6d7c', '#7f8a5c', '#9c7a52',
];

function hash(text: string): number {
  let h = 2166136261;
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  return h >>> 0;
}

export function artOf(name: string, options?: string | null): { art: Art; tone: string } {
  const text = `${name} ${options ?? ''}`;
  const h = hash(text);
  return {
    art: words.find(([, pattern]) => pattern.test(name))?.[0] ?? rest[h % rest.length],
    tone: colours.find(([pattern]) => pattern.test(text))?.[1] ?? tones[(h >>> 8) % tones.length],
  };
}
