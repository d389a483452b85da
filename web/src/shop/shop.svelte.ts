// What the shop page knows: the catalogue it has read, the live figures, and where the shopper is.
// Owns no holds (holds.svelte.ts) and draws nothing.
import { SvelteMap } from 'svelte/reactivity';
import { Api, asProblem, seg } from '../shared/api/http';
import type { PublicItem, PublicStock, ShopConfig, StockAt } from '../shared/api/types';
import { LiveStock, type LiveState } from '../shared/live';
import { useRegion } from '../shared/locale';
import { setServerTime } from '../shared/now.svelte';

const PAGE = 24;
/** More items than this are not followed live at once. */
const FOLLOWED = 96;
const ASK_AGAIN_MS = 5000;

export type Route = { page: 'grid' } | { page: 'item'; sku: string };

const hub = new URL('../', location.href);
/** Before the configuration is read the page has no key and asks only what needs none. */
let api = new Api(hub);
let live: LiveStock | null = null;

class Shop {
  config = $state.raw<ShopConfig | null>(null);
  down = $state(false);
  route = $state.raw<Route>({ page: 'grid' });
  query = $state('');
  items = $state.raw<PublicItem[] | null>(null);
  cursor = $state<string | null>(null);
  product = $state.raw<PublicItem | null>(null);
  missing = $state(false);
  stock = new SvelteMap<string, PublicStock>();
  feed = $state<LiveState>('connecting');
  /** When figures last came, for the age beside them. */
  heard_at = $state(0);
  /** The shopper's store, once one was chosen. */
  store = $state<string | null>(null);
}

export const shop = new Shop();

export const theApi = () => api;

function take(items: PublicStock[]) {
  for (const item of items) shop.stock.set(item.sku, item);
  shop.heard_at = Date.now();
}

/** Which figures the page shows now: those of the item, or of the items in the grid. */
export function follow(also: string[]) {
  const here =
    shop.route.page === 'item'
      ? [shop.route.sku]
      : (shop.items ?? []).slice(0, FOLLOWED).map((i) => i.sku);
  const skus = [...new Set([...here, ...also])];
  if (skus.length > 0) live?.follow(skus);
  return skus;
}

/** While the line is cut the page asks over HTTP; the figures then carry their age. */
async function askAgain() {
  if (shop.feed === 'live' || document.visibilityState !== 'visible') return;
  const skus = follow([]);
  if (skus.length === 0) return;
  const query = skus.slice(0, 50).map((s) => `sku=${seg(s)}`).join('&');
  try {
    take((await api.get<{ items: PublicStock[] }>(`v1/public/stock?${query}`)).items);
  } catch {
    // The next round asks again; meanwhile the old figures stand, with their age.
  }
}

export async function open() {
  try {
    const config = await api.get<ShopConfig>('v1/public/config');
    api = new Api(hub, { 'x-oneshelf-key': config.key });
    useRegion(config.locale);
    shop.config = config;
    shop.down = false;
    void api.get<{ now: string }>('v1/time').then((time) => setServerTime(time.now), () => {});
    live = new LiveStock(api.socket(`v1/live?key=${seg(config.key)}`), {
      stock: take,
      state: (state) => (shop.feed = state),
    });
    setInterval(() => void askAgain(), ASK_AGAIN_MS);
    readRoute();
    addEventListener('hashchange', readRoute);
  } catch {
    shop.down = true;
    setTimeout(() => void open(), 2000);
  }
}

function readRoute() {
  const match = /^#\/item\/(.+)$/.exec(location.hash);
  if (match) void showItem(decodeURIComponent(match[1]));
  else {
    shop.route = { page: 'grid' };
    if (shop.items === null) void load();
    else follow([]);
  }
  scrollTo(0, 0);
}

export const itemLink = (sku: string) => `#/item/${seg(sku)}`;

async function showItem(sku: string) {
  shop.route = { page: 'item', sku };
  shop.missing = false;
  shop.product = shop.items?.find((i) => i.sku === sku) ?? null;
  follow([]);
  try {
    const item = await api.get<PublicItem>(`v1/public/items/${seg(sku)}`);
    if (shop.route.page === 'item' && shop.route.sku === sku) shop.product = item;
  } catch (cause) {
    if (asProblem(cause).status === 404) shop.missing = true;
  }
}

let asking: AbortController | null = null;

export async function load(more = false) {
  asking?.abort();
  const mine = (asking = new AbortController());
  const cursor = more && shop.cursor ? `&cursor=${seg(shop.cursor)}` : '';
  const path = `v1/public/items?search=${seg(shop.query.trim())}&limit=${PAGE}${cursor}`;
  try {
    const answer = await api.get<{ items: PublicItem[]; next_cursor: string | null }>(path, {
      signal: mine.signal,
    });
    shop.items = more ? [...(shop.items ?? []), ...answer.items] : answer.items;
    shop.cursor = answer.next_cursor;
    shop.down = false;
    if (shop.route.page === 'grid') follow([]);
  } catch (cause) {
    const problem = asProblem(cause);
    if (problem.code !== 'aborted') shop.down = problem.unreachable;
  }
}

let pause: ReturnType<typeof setTimeout> | undefined;

export function searchTyped() {
  clearTimeout(pause);
  pause = setTimeout(() => {
    if (shop.route.page !== 'grid') location.hash = '#/';
    void load();
  }, 180);
}

export const storesOf = (stock: PublicStock | undefined): StockAt[] =>
  (stock?.locations ?? []).filter((l) => l.kind === 'store');
