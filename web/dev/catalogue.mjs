// A small made-up catalogue for the stand-in server, with hostile names among the plain ones.
const rows = [
  ['FJ-750-MOS', '5391520940118', 'Fjord insulated bottle', '750 ml, Moss', 3490, 'Outdoors'],
  ['EN-MUG-CRM', '5391520940224', 'Enamel mug', '350 ml, Cream', 1250, 'Kitchen'],
  ['CF-KEN-AA', '5391520940330', 'Kenya AA, whole bean coffee', '250 g', 1420, 'Kitchen'],
  ['ME-BEA-CHA', '5391520941030', 'Merino beanie', 'Charcoal', 2995, 'Outdoors'],
  ['NB-A5-DOT', '5391520940712', 'Dot-grid notebook', 'A5, Ink', 990, 'Home'],
  ['LA-400-CLY', '5391520940866', 'Camp lantern', '400 lm, Clay', 6400, 'Outdoors'],
  ['BW-CAN-220', '5391520940545', 'Beeswax candle', '220 g', 1850, 'Home'],
  ['DP-22-SLA', '5391520941207', 'Day pack', '22 l, Slate', 8900, 'Outdoors'],
  ['LT-BTH-SEA', '5391520941351', 'Linen bath towel', 'Sea', 3900, 'Home'],
  ['TS-2P-OAT', '5391520941498', 'Trail sock, 2 pairs', 'Oat, 42–44', 2200, 'Outdoors'],
  ['JM-STR-340', '5391520941504', 'Strawberry jam', '340 g', 495, 'Kitchen'],
  ['TN-BSC-500', '5391520941511', 'Butter biscuits', 'tin, 500 g', 1290, 'Kitchen'],
  ['FR-OAK-A4', '5391520941528', 'Oak picture frame', 'A4', 2450, 'Home'],
  ['BX-KRAFT-M', '5391520941535', 'Kraft gift set', 'M', 650, 'Home'],
  ['LN-ENM-07', '5391520941542', 'Lantern hook, wrought iron', null, 1190, 'Outdoors'],
  ['XX-HOSTILE', '5391520941559', '<img src=x onerror=alert(1)> =1+1 \u202Egnp.exe', null, 100,
    'Odd'],
];

export const items = rows.map(([sku, barcode, name, options, minor, category]) => ({
  sku, barcode, name, options, category, image: null, brand: category === 'Odd' ? null : 'Fjord',
  price: { minor, currency: 'EUR' }, price_now: { minor, currency: 'EUR' },
  components: sku === 'BX-KRAFT-M'
    ? [{ sku: 'EN-MUG-CRM', quantity: 2 }, { sku: 'CF-KEN-AA', quantity: 1 }] : [],
}));

export const stores = [
  { code: 'S07', name: 'Quay Street', kind: 'store' },
  { code: 'S02', name: 'Patrick Street', kind: 'store' },
  { code: 'S03', name: 'Exchequer Street', kind: 'store' },
  { code: 'W01', name: 'Naas', kind: 'warehouse' },
];

/** Places that no shopper sees, and a store that has no agent yet. */
export const others = [
  { code: 'S04', name: 'Eyre Square', kind: 'store' },
  { code: 'T01', name: 'Our van', kind: 'transit' },
];

/** Units per item and location, steady from run to run. */
export const shelf = new Map();
items.forEach((item, i) => {
  stores.forEach((store, j) => {
    const units = store.kind === 'warehouse' ? 60 + i * 11 : (i * 7 + j * 5 + 9) % 12;
    shelf.set(`${item.sku}@${store.code}`, units);
  });
});
shelf.set('LA-400-CLY@S07', 9);
shelf.set('LA-400-CLY@S02', 4);
shelf.set('LA-400-CLY@S03', 0);
shelf.set('BW-CAN-220@S07', 1);

export function checkDigitOk(code) {
  if (!/^\d{8}$|^\d{12,14}$/.test(code)) return true;
  const digits = [...code].map(Number).reverse();
  const sum = digits.slice(1).reduce((s, d, i) => s + d * (i % 2 === 0 ? 3 : 1), 0);
  return (10 - (sum % 10)) % 10 === digits[0];
}
