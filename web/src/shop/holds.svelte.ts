// The shopper's holds. This browser keeps a random token and, per hold, what is needed to show and
// cancel it again after a reload; nothing about the person.
import { asProblem, newKey, seg } from '../shared/api/http';
import type { Hold } from '../shared/api/types';
import { alarm, announce } from '../shared/announce.svelte';
import { now } from '../shared/now.svelte';
import { recall, remember } from '../shared/locale';
import { doubt, theApi } from './shop.svelte';
import { t } from './strings';

export type Trouble =
  | 'just_went' | 'too_many_holds' | 'too_many_tries' | 'not_sold' | 'store_closed' | 'no_answer'
  | 'not_now' | 'refused';

/** What the hub's refusals of a hold are to a shopper; every other one is a fault of a page. */
const troubles: Record<string, Trouble> = {
  not_enough_available: 'just_went',
  not_promised_now: 'not_now',
  too_many_holds: 'too_many_holds',
  too_many_held: 'too_many_holds',
  too_many_requests: 'too_many_tries',
  item_unknown: 'not_sold',
  item_retired: 'not_sold',
  location_unknown: 'store_closed',
  location_retired: 'store_closed',
  // The page is given another key meanwhile.
  wrong_secret: 'no_answer',
  busy: 'no_answer',
  timed_out: 'no_answer',
  internal: 'no_answer',
  unreachable: 'no_answer',
};

function shopperToken(): string {
  const known = recall('shopper');
  if (known && /^[0-9a-f]{32}$/.test(known)) return known;
  const fresh = newKey();
  remember('shopper', fresh);
  return fresh;
}

function kept(): Hold[] {
  try {
    const holds: unknown = JSON.parse(recall('holds') ?? '[]');
    return Array.isArray(holds) ? holds.filter((h) => typeof h?.id === 'string') : [];
  } catch {
    return [];
  }
}

class Holds {
  list = $state.raw<Hold[]>(kept());
  busy = $state(false);
  /** What went wrong with which item, until the next try. */
  trouble = $state.raw<{ sku: string; kind: Trouble } | null>(null);
  /** The hold that ended a moment ago, to say so once. */
  ended = $state.raw<Hold | null>(null);

  of(sku: string): Hold | null {
    return this.list.find((h) => h.sku === sku) ?? null;
  }

  keep(list: Hold[]) {
    this.list = list;
    const short = list.map(({ id, state, expires_at, sku, location }) => ({
      id, state, expires_at, sku, location,
    }));
    remember('holds', short.length > 0 ? JSON.stringify(short) : null);
  }
}

export const holds = new Holds();

export const leftMs = (hold: Hold) => new Date(hold.expires_at).getTime() - now();

/** Drops holds whose time is over; called as the second changes. */
export function sweep() {
  const over = holds.list.filter((h) => leftMs(h) <= 0);
  if (over.length === 0) return;
  holds.keep(holds.list.filter((h) => leftMs(h) > 0));
  holds.ended = over[0];
  alarm(t.ended);
}

export async function holdOne(sku: string, location: string) {
  if (holds.busy) return;
  holds.busy = true;
  holds.trouble = null;
  holds.ended = null;
  try {
    const body = { sku, location, quantity: 1, shopper: shopperToken() };
    const hold = await theApi().post<Hold>('v1/public/holds', body, { key: newKey() });
    holds.keep([hold, ...holds.list.filter((h) => h.sku !== sku)]);
    announce(t.heldTitle);
  } catch (cause) {
    doubt(cause);
    holds.trouble = { sku, kind: troubles[asProblem(cause).code] ?? 'refused' };
  } finally {
    holds.busy = false;
  }
}

export async function letGo(hold: Hold) {
  holds.busy = true;
  try {
    await theApi().delete(`v1/public/holds/${seg(hold.id)}?shopper=${seg(shopperToken())}`);
  } catch (cause) {
    doubt(cause);
    const problem = asProblem(cause);
    // Gone, expired or ended there already: it is not ours to keep either. A key that ended says
    // nothing of the hold.
    if (problem.unreachable || problem.status >= 500 || problem.code === 'wrong_secret') {
      holds.trouble = { sku: hold.sku, kind: 'no_answer' };
      holds.busy = false;
      return;
    }
  }
  holds.busy = false;
  holds.keep(holds.list.filter((h) => h.id !== hold.id));
  announce(t.letGo);
}
