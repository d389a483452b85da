// An act on the store's stock that was sent, until its answer is here. Owns the key that makes it
// one act however often it is asked for; knows no screen.
// Invariant: an act without an answer keeps its key, also when the page starts anew.
import type { ItemHere } from '../shared/api/agent';
import { alarm } from '../shared/announce.svelte';
import { asProblem, newKey, type Problem } from '../shared/api/http';
import { play } from '../shared/sound';
import { api } from './agent';
import { desk } from './desk.svelte';
import { said } from './said';
import { words } from './stock-strings';

type Sent = { key: string; at: string; by: string };
/** A figure of one item. */
export type Figure = Sent & {
  act: 'count' | 'receive'; quantity: number;
  item: Pick<ItemHere, 'sku' | 'name' | 'unit'>; before: number;
};
/** Goods from or to another location; `units` is null where they are not all counted in pieces. */
export type Move = Sent & {
  act: 'arrive' | 'hand_over' | 'send'; place: string; units: number | null; items: number;
  body: Record<string, unknown>;
  /** How the transfer stood when it was first asked for. */
  row?: string;
};
export type Asked = Figure | Move;

/** Who answers for the stock; the agent has the last word. */
const ROLES = ['clerk', 'manager', 'admin'];
const KEPT = 'oneshelf.stock';

function recall(): Asked | null {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? 'null') as Asked | null;
  } catch {
    return null;
  }
}

export const isMove = (asked: Asked): asked is Move => 'body' in asked;

function bodyOf(asked: Asked) {
  if (isMove(asked)) return { act: asked.act, ...asked.body };
  const { act, quantity, item: { sku } } = asked;
  return act === 'count' ? { act, sku, found: quantity } : { act, sku, quantity };
}

class Asking {
  asked = $state.raw<Asked | null>(recall());
  busy = $state(false);
  /** What the agent said when it did not say what became of an act. */
  why = $state('');

  may = $derived(ROLES.includes(desk.me?.cashier.role ?? ''));
  /** Of this person, and not on its way just now: another cashier does not finish it. */
  lost = $derived(
    this.asked && !this.busy && this.asked.by === desk.me?.cashier.code ? this.asked : null,
  );
  free = $derived(!this.busy && this.lost === null);

  keep(asked: Asked | null) {
    this.asked = asked;
    try {
      if (asked) sessionStorage.setItem(KEPT, JSON.stringify(asked));
      else sessionStorage.removeItem(KEPT);
    } catch {
      // Without storage it lasts until the page is closed.
    }
  }

  /** What makes an act one of its own. */
  fresh = (): Sent => ({
    key: newKey(), at: new Date().toISOString(), by: desk.me?.cashier.code ?? '',
  });

  /** `failed`: it is known that nothing was booked, or nobody can be asked now. */
  async send(asked: Asked, failed: (problem: Problem) => void, booked: () => Promise<void>) {
    this.keep(asked);
    this.busy = true;
    try {
      await api.post('api/stock/acts', bodyOf(asked), { key: asked.key });
    } catch (cause) {
      const problem = asProblem(cause);
      // Only a refusal says that nothing was booked. Who has to sign in first asks again then.
      const refused = problem.status >= 400 && problem.status < 500 && problem.status !== 401;
      if (refused) this.keep(null);
      this.busy = false;
      this.why = refused || problem.unreachable ? '' : said(problem);
      if (refused || problem.unreachable || problem.status === 401) return failed(problem);
      play('blocked');
      return alarm(`${words.lostTitle}. ${this.why}`);
    }
    this.keep(null);
    await booked();
    this.busy = false;
  }
}

export const asking = new Asking();
