// How the stores stand, read again while they are on the page. Draws nothing.
import { asProblem, seg } from '../shared/api/http';
import type { Store, StoreDetail, StoreItem } from '../shared/api/types';
import { noteFailure, theApi } from './office.svelte';

const EVERY_MS = 5000;
/** Stores of one page: their figures are summed when they are asked for. */
const PAGE = 25;
const ITEMS = 8;

/** Figures of a store that have items behind them. */
export const figures = ['share', 'promised', 'in_doubt', 'short', 'discrepancy'] as const;
export type Figure = (typeof figures)[number];

class Stores {
  all = $state.raw<Store[]>([]);
  /** Cursors of the pages before this one; the last leads to it. */
  before = $state.raw<string[]>([]);
  next = $state.raw<string | null>(null);
  ready = $state(false);
  one = $state.raw<StoreDetail | null>(null);
  of = $state<Figure>('share');
  items = $state.raw<StoreItem[]>([]);
  more = $state.raw<string | null>(null);
}

export const stores = new Stores();

async function readAll() {
  const cursor = stores.before.at(-1);
  const behind = cursor ? `&cursor=${seg(cursor)}` : '';
  const page = await theApi().get<{ stores: Store[]; next_cursor?: string | null }>(
    `v1/stores?limit=${PAGE}${behind}`,
  );
  stores.all = page.stores;
  stores.next = page.next_cursor ?? null;
  stores.ready = true;
}

async function readOne(code: string) {
  stores.one = await theApi().get<StoreDetail>(`v1/stores/${seg(code)}`);
}

async function readItems(code: string, behind: string | null) {
  const cursor = behind ? `&cursor=${seg(behind)}` : '';
  const page = await theApi().get<{ items: StoreItem[]; next_cursor?: string | null }>(
    `v1/stores/${seg(code)}/items?of=${stores.of}&limit=${ITEMS}${cursor}`,
  );
  stores.items = behind ? [...stores.items, ...page.items] : page.items;
  stores.more = page.next_cursor ?? null;
}

const quietly = (what: Promise<unknown>) => void what.catch(noteFailure);

export function turn(to: string | null) {
  stores.before = to ? [...stores.before, to] : stores.before.slice(0, -1);
  quietly(readAll());
}

export function openStore(code: string | null) {
  if (code === null) {
    stores.one = null;
    quietly(readAll());
    return;
  }
  quietly(
    readOne(code).then(() => {
      const first = figures.find((f) => (stores.one?.[f].units ?? 0) > 0);
      return showItems(first ?? 'share');
    }),
  );
}

export async function showItems(of: Figure) {
  if (!stores.one) return;
  stores.of = of;
  await readItems(stores.one.location, null).catch(noteFailure);
}

export function moreItems() {
  if (stores.one && stores.more) quietly(readItems(stores.one.location, stores.more));
}

/** Gives the agent up that was looked at; one that came in its place meanwhile stays. */
export async function retireAgent(store: StoreDetail) {
  const path = `v1/stores/${seg(store.location)}/retire-agent`;
  try {
    stores.one = await theApi().post<StoreDetail>(path, { incarnation: store.incarnation });
  } catch (cause) {
    // It answers again, or another speaks: what is shown is as it is now.
    if (asProblem(cause).status < 500) await readOne(store.location);
    throw cause;
  }
  await showItems('in_doubt');
}

export function followStores(): () => void {
  stores.one = null;
  quietly(readAll());
  const timer = setInterval(() => {
    if (document.visibilityState !== 'visible') return;
    quietly(stores.one ? readOne(stores.one.location) : readAll());
  }, EVERY_MS);
  return () => clearInterval(timer);
}
