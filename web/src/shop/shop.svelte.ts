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
/** Waits before each question for another key; about three minutes, then the page gives up. */
const RENEW_MS = [500, 1000, 2000, 4000, 8000, 15_000, 30_000, 60_000, 60_000];

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
  if (shop.feed === 'live' || keyless || document.visibilityState !== 'visible') return;
  const skus = follow([]);
  if (skus.length === 0) return;
  const query = skus.slice(0, 50).map((s) => `sku=${seg(s)}`).join('&');
  try {
    take((await api.get<{ items: PublicStock[] }>(`v1/public/stock?${query}`)).items);
  } catch (cause) {
    // The next round asks again; meanwhile the old figures stand, with their age.
    doubt(cause);
  }
}

/** Goes on with a key: the first one, or one that the operator put in its place. */
function use(config: ShopConfig) {
  api = new Api(hub, { 'x-oneshelf-key': config.key });
  useRegion(config.locale);
  shop.config = config;
  keyless = false;
  const address = api.socket(`v1/live?key=${seg(config.key)}`);
  if (live) return live.move(address);
  live = new LiveStock(address, {
    stock: take,
    state: (state, code) => {
      shop.feed = state;
      if (code === 'wrong_secret') void renew();
    },
  });
}

let renewing = false;
/** The key ended, and no other was to be had: only what the shopper does asks once more. */
let keyless = false;

/** The key ended. Asks for the one that took its place, which may come a little later, or by way
    of a hub that has not heard of it yet. All open pages hear it at once: no two wait alike. */
async function renew() {
  if (renewing) return;
  renewing = true;
  keyless = true;
  let same = false;
  for (const wait of RENEW_MS) {
    await new Promise((over) => setTimeout(over, wait * (0.5 + Math.random())));
    const config = await api.get<ShopConfig>('v1/public/config').catch(() => null);
    if (!config) continue;
    same = config.key === shop.config?.key;
    if (same) continue;
    use(config);
    show();
    break;
  }
  renewing = false;
  // The hub has no other, so this one is good: a copy of the hub had not heard of it.
  if (same) {
    keyless = false;
    show();
  }
}

/** A refusal may say that the key ended: the socket may have been away when it did. */
export function doubt(cause: unknown) {
  if (asProblem(cause).code === 'wrong_secret') void renew();
}

export async function open() {
  try {
    const config = await api.get<ShopConfig>('v1/public/config');
    use(config);
    shop.down = false;
    void api.get<{ now: string }>('v1/time').then((time) => setServerTime(time.now), () => {});
    setInterval(() => void askAgain(), ASK_AGAIN_MS);
    readRoute();
    addEventListener('hashchange', readRoute);
  } catch {
    shop.down = true;
    setTimeout(() => void open(), 2000);
  }
}

function readRoute() {
  show();
  scrollTo(0, 0);
}

function show() {
  const match = /^#\/item\/(.+)$/.exec(location.hash);
  if (match) void showItem(decodeURIComponent(match[1]));
  else {
    shop.route = { page: 'grid' };
    if (shop.items === null || unread) void load();
    else follow([]);
  }
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
    doubt(cause);
  }
}

let asking: AbortController | null = null;
/** What is searched for now was not read: the grid shows what was there before. */
let unread = false;

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
    unread = false;
    if (shop.route.page === 'grid') follow([]);
  } catch (cause) {
    const problem = asProblem(cause);
    if (problem.code === 'aborted') return;
    shop.down = problem.unreachable;
    unread = true;
    doubt(cause);
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
