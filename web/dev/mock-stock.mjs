// The stand-in agent's acts on its stock: who may, once for each key, what becomes of the shelf.
import { items, shelf } from './catalogue.mjs';
import { moves } from './mock-moves.mjs';
import { Refused } from './web.mjs';

export function stockActs(world, me, state, push) {
  const done = new Map();
  const before = new Map();
  const book = (sku, units) => {
    const place = `${sku}@S07`;
    if (!before.has(place)) before.set(place, shelf.get(place));
    shelf.set(place, units(shelf.get(place) ?? 0));
  };
  const goods = moves(book, push);
  const act = (_, b, __, request) => {
    const who = me();
    if (!who) throw new Refused(401, 'not_signed_in', 'Sign in first.');
    if (who.cashier.role === 'cashier' && b.act !== 'hand_over')
      throw new Refused(403, 'not_allowed', 'This needs a clerk or a manager. Ask one to sign in.');
    const named = b.sku ? [b.sku] : (b.lines ?? []).map((l) => l.sku);
    const found = named.map((sku) => items.find((i) => i.sku === sku));
    if (found.includes(undefined)) throw new Refused(404, 'item_unknown', 'No item has this code.');
    if (found.some((item) => item.components.length > 0))
      throw new Refused(409, 'kit_has_no_stock', 'This is a kit: take in and count its parts.');
    const key = `${who.cashier.code}/${request.headers['idempotency-key'] ?? Math.random()}`;
    const body = JSON.stringify(b);
    if (done.has(key) && done.get(key) !== body)
      throw new Refused(409, 'command_reused', 'This key has done something else before.');
    if (done.has(key)) return { logged: true, again: true };
    // A refusal leaves the key free.
    const moved = goods.act(b);
    done.set(key, body);
    if (b.act === 'receive') book(b.sku, (units) => units + b.quantity);
    else if (!moved) {
      // One unit of many is picked in this stand-in, and picked goods do not stand on the shelf.
      book(b.sku, () => (b.found >= 6 ? b.found + 1 : b.found));
      delete world.unsure?.[b.sku];
    }
    if (state.link.state === 'offline')
      state.link = { ...state.link, waiting: state.link.waiting + 1 };
    push(state);
    return { logged: true, again: false };
  };
  return {
    routes: [['POST', /^\/api\/stock\/acts$/, act], ...goods.routes],
    reset() {
      before.forEach((units, place) => shelf.set(place, units));
      before.clear();
      world.unsure = null;
      goods.reset();
    },
  };
}
