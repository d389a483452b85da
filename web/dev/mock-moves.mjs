// The stand-in agent's goods on the way: what comes, what the office asks for, what is sent.
import { items, others, shelf, stores } from './catalogue.mjs';
import { Refused } from './web.mjs';

const sku = (n) => items[n].sku;
const start = () => ({
  transfers: [
    { row: 'transfer', id: 'rsv_11', from: 'W01', state: 'in_transit',
      lines: [[sku(5), 6], [sku(1), 24], [sku(0), 12]] },
    { row: 'transfer', id: 'rsv_12', from: 'S02', state: 'in_transit',
      lines: [[sku(6), 1]] },
    { row: 'transfer', id: 'rsv_13', from: 'W01', state: 'committed',
      lines: [[sku(8), 4], ['NEW-1', 10], [sku(15), 2]] },
  ],
  outgoing: [
    { id: 'rsv_21', to: 'S03', state: 'committed', lines: [[sku(5), 3, 1], [sku(3), 2, 0]] },
    { id: 'rsv_22', to: 'W01', state: 'held', lines: [[sku(4), 2, 0]] },
  ],
});

export function moves(book, push) {
  let all = start();
  let told = true;
  const arrive = (b) => {
    const it = all.transfers.find((t) => t.id === b.transfer);
    if (!it) throw new Refused(404, 'transfer_unknown',
      'The store has not been told of this transfer, or it has ended.');
    b.lines.forEach((l) => book(l.sku, (units) => units + l.good));
    if (!told) return;
    const came = (s) => b.lines.filter((l) => l.sku === s)
      .reduce((n, l) => n + l.good + l.damaged, 0);
    it.lines = it.lines.map(([s, n]) => [s, n - came(s)]).filter(([, n]) => n > 0);
    if (b.close || it.lines.length === 0)
      all.transfers = all.transfers.filter((t) => t.id !== b.transfer);
  };
  const give = (b) => {
    const it = all.outgoing.find((t) => t.id === b.reservation);
    if (!it) throw new Refused(404, 'reservation_unknown',
      'The store has not been told of this reservation, or it has ended.');
    it.lines.forEach(([s, n, short]) => book(s, (units) => Math.max(0, units - n + short)));
    all.outgoing = all.outgoing.filter((t) => t.id !== b.reservation);
  };
  const send = (b) => {
    if (!stores.some((s) => s.code === b.to))
      throw new Refused(404, 'location_unknown', 'There is no location with this code.');
    // One unit of an item is the store's own in this stand-in, as long as it has one.
    const few = b.lines.find((l) => l.quantity > Math.min(1, shelf.get(`${l.sku}@S07`) ?? 0));
    if (few) throw new Refused(409, 'not_enough_share', 'The store\u2019s share has fewer that ' +
      'no open ticket holds. Ask the office for a transfer of the others.');
    b.lines.forEach((l) => book(l.sku, (units) => units - l.quantity));
  };
  const acts = { arrive, hand_over: give, send };
  return {
    /** True when it was one of these acts. */
    act(b) {
      acts[b.act]?.(b);
      return b.act in acts;
    },
    routes: [
      ['GET', /^\/api\/stock\/transfers$/, () => {
        const named = [...all.transfers, ...all.outgoing].flatMap((t) => t.lines.map(([s]) => s));
        const known = items.filter((i) => named.includes(i.sku));
        const shown = known.map(({ sku: s, name, options }) => [s, { name, options }]);
        return { ...all, locations: [...stores, ...others], items: Object.fromEntries(shown) };
      }],
      // Of the stand-in itself: the lists; `told: false`: the hub does not tell what was booked.
      ['POST', /^\/mock\/moves$/, (_, b) => {
        told = b.told ?? told;
        all = { transfers: b.transfers ?? all.transfers, outgoing: b.outgoing ?? all.outgoing };
        push({ kind: 'on_the_way' });
        return {};
      }],
    ],
    reset() {
      all = start();
      told = true;
    },
  };
}
