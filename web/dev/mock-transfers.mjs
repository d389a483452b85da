// A stand-in for the hub's transfers: one of each state, and steps that move the made-up shelf.
import { items, shelf } from './catalogue.mjs';
import { Refused } from './web.mjs';

const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
const line = (n, quantity, arrived = 0, short = 0) =>
  ({ sku: items[n].sku, name: items[n].name, quantity, arrived, short });
const transfer = (n, state, from, to, minutes, lines, reference = null) => ({
  id: `rsv_0192b3c4d5e67f8090a1b2c3d4e5f6${n}`, state, from, to, via: 'T01', lines, reference,
  created_at: ago(minutes), version: n });
const start = () => [
  transfer(19, 'committed', 'W01', 'S04', 4, [line(0, 12), line(5, 4), line(15, 1)], 'TO-2041'),
  transfer(18, 'in_transit', 'W01', 'S04', 95, [line(5, 6, 2), line(1, 24, 24), line(10, 40, 12)],
    'TO-2040'),
  transfer(17, 'in_transit', 'W01', 'S07', 180, [line(3, 8)], 'TO-2039'),
  transfer(16, 'short', 'S02', 'S07', 240, [line(7, 3, 0, 1), line(8, 2)]),
  transfer(15, 'releasing', 'S07', 'S02', 300, [line(2, 5)]),
  transfer(14, 'transferred', 'W01', 'S02', 1_500, [line(4, 20, 19), line(9, 6, 6)], 'TO-2031'),
  transfer(13, 'released', 'W01', 'S03', 2_900, [line(6, 3)]),
];

export function transferRoutes(world) {
  let all = start();
  let made = 20;
  const known = (id) => {
    const found = all.find((it) => it.id === id);
    if (!found) throw new Refused(404, 'transfer_unknown', 'There is no such transfer.');
    return found;
  };
  const change = (id, more) => {
    all = all.map((it) => (it.id === id ? { ...it, ...more, version: it.version + 1 } : it));
    return known(id);
  };
  const at = (sku, location) => shelf.get(`${sku}@${location}`) ?? 0;
  const move = (sku, location, units) => shelf.set(`${sku}@${location}`, at(sku, location) + units);
  return [
    ['GET', /^\/v1\/stock$/, (_, __, url) => ({ version: 1,
      items: url.searchParams.getAll('sku').map((sku) => ({ sku, version: 1, elsewhere: [],
        locations: ['S07', 'S02', 'S03', 'S04', 'W01'].map((location) => ({ location,
          available: at(sku, location), incoming: 0 })) })) })],
    ['GET', /^\/v1\/transfers$/, (_, __, url) => {
      const fits = (name) => (it) => (url.searchParams.get(name) ?? it[name]) === it[name];
      const found = ['state', 'from', 'to'].reduce((left, name) => left.filter(fits(name)), all);
      return { transfers: world.noTransfers ? [] : found, next_cursor: world.noTransfers ? null : 'x' };
    }],
    ['POST', /^\/v1\/transfers$/, (_, b) => {
      for (const { sku, quantity } of b.lines) {
        if (at(sku, b.from) < quantity) throw new Refused(409, 'not_enough_available',
          `Only ${at(sku, b.from)} of ${sku} can be promised there.`, { available: at(sku, b.from) });
      }
      b.lines.forEach(({ sku, quantity }) => move(sku, b.from, -quantity));
      const lines = b.lines.map(({ sku, quantity }) =>
        line(items.findIndex((i) => i.sku === sku), quantity));
      all = [transfer((made += 1), 'committed', b.from, b.to, 0, lines, b.reference), ...all];
      return [201, all[0]];
    }],
    ['GET', /^\/v1\/transfers\/([^/]+)$/, ([id]) => known(id)],
    ['POST', /^\/v1\/transfers\/([^/]+)\/ship$/, ([id]) => change(id, { state: 'in_transit' })],
    ['POST', /^\/v1\/transfers\/([^/]+)\/cancel$/, ([id]) => change(id, { state: 'released' })],
    ['POST', /^\/v1\/transfers\/([^/]+)\/receive$/, ([id], b) => {
      const it = known(id);
      const came = (sku) => b.lines.filter((l) => l.sku === sku)
        .reduce((sum, l) => sum + l.good + l.damaged, 0);
      b.lines.forEach((l) => move(l.sku, it.to, l.good));
      const lines = it.lines.map((l) =>
        ({ ...l, arrived: Math.min(l.quantity, l.arrived + came(l.sku)) }));
      const done = b.close || lines.every((l) => l.arrived === l.quantity);
      return change(id, { lines, state: done ? 'transferred' : 'in_transit' });
    }],
  ];
}
