// The transfers that the page has read, and what may be done with one. Draws nothing; which steps
// the hub allows is the hub's word, and what looks possible here is only a guess at it.
import { asProblem, newKey, seg } from '../shared/api/http';
import type { Item, ItemStock, Location, Transfer } from '../shared/api/types';
import { noteFailure, office, theApi } from './office.svelte';
import { said } from './said';

const EVERY_MS = 4000;
const PAGE = 25;
/** SKUs of one question about stock. */
const SKUS = 100;

/** States that a list can be asked for. */
export const states = [
  'committed', 'picked', 'in_transit', 'releasing', 'transferred', 'released',
] as const;

class Transfers {
  all = $state.raw<Transfer[]>([]);
  /** Cursors of the pages before this one; the last leads to it. */
  before = $state.raw<string[]>([]);
  next = $state.raw<string | null>(null);
  ready = $state(false);
  wrong = $state('');
  state = $state('');
  from = $state('');
  to = $state('');
  one = $state.raw<Transfer | null>(null);
  making = $state(false);
  filtered = $derived(this.state !== '' || this.from !== '' || this.to !== '');
}

export const transfers = new Transfers();

let asked = 0;

async function readAll() {
  const mine = (asked += 1);
  const { state, from, to } = transfers;
  const query = Object.entries({ state, from, to, cursor: transfers.before.at(-1) ?? '' })
    .filter(([, value]) => value)
    .map(([name, value]) => `&${name}=${seg(value)}`);
  const page = await theApi().get<{ transfers: Transfer[]; next_cursor?: string | null }>(
    `v1/transfers?limit=${PAGE}${query.join('')}`,
  );
  // A filter that was changed meanwhile has asked again.
  if (mine !== asked) return;
  transfers.all = page.transfers;
  transfers.next = page.next_cursor ?? null;
  transfers.ready = true;
  transfers.wrong = '';
}

async function readOne(id: string) {
  const read = await theApi().get<Transfer>(`v1/transfers/${seg(id)}`);
  transfers.wrong = '';
  const shown = transfers.one;
  if (shown?.id === id && read.version >= shown.version) transfers.one = read;
}

/** A silent hub is said on top of the page; what it refuses, in the list. */
async function quietly(what: Promise<unknown>) {
  try {
    await what;
  } catch (cause) {
    noteFailure(cause);
    if (!asProblem(cause).unreachable) transfers.wrong = said(cause);
  }
}

export function filter() {
  transfers.before = [];
  void quietly(readAll());
}

export function turn(to: string | null) {
  transfers.before = to ? [...transfers.before, to] : transfers.before.slice(0, -1);
  void quietly(readAll());
}

export function openTransfer(transfer: Transfer | null) {
  transfers.one = transfer;
  transfers.making = false;
  transfers.wrong = '';
  void quietly(transfer ? readOne(transfer.id) : readAll());
}

export function followTransfers(): () => void {
  transfers.one = null;
  transfers.making = false;
  filter();
  const timer = setInterval(() => {
    if (document.visibilityState !== 'visible' || transfers.making) return;
    void quietly(transfers.one ? readOne(transfers.one.id) : readAll());
  }, EVERY_MS);
  return () => clearInterval(timer);
}

/** Sends bodies so that one whose answer was lost has one effect when it is sent again. */
export function sender() {
  let last = '';
  let key = newKey();
  return async (path: string, body: unknown = {}): Promise<Transfer> => {
    const text = `${path} ${JSON.stringify(body)}`;
    if (text !== last) key = newKey();
    last = text;
    try {
      const answer = await theApi().post<Transfer>(path, body, { key });
      last = '';
      return (transfers.one = answer);
    } catch (cause) {
      // The hub has answered: the next one is another, even if it says the same.
      const said = asProblem(cause);
      if (!said.unreachable && said.status < 500) last = '';
      throw cause;
    }
  };
}

export const pathOf = (transfer: Transfer) => `v1/transfers/${seg(transfer.id)}`;

/** Units of all lines. */
export function sums(transfer: Transfer) {
  const of = (name: 'quantity' | 'short' | 'arrived') =>
    transfer.lines.reduce((sum, line) => sum + line[name], 0);
  const left = transfer.state === 'in_transit' || transfer.state === 'transferred';
  return { units: of('quantity'), short: left ? 0 : of('short'), arrived: of('arrived'), left };
}

export const steps = (transfer: Transfer) => ({
  ship: ['committed', 'picked', 'short'].includes(transfer.state),
  cancel: ['committed', 'picked', 'short'].includes(transfer.state),
  receive: transfer.state === 'in_transit',
});

/** What a store with an agent has done, its staff say there. */
export const hasAgent = (code: string) =>
  (office.locations.find((l) => l.code === code)?.link ?? 'none') !== 'none';

const open = (l: Location) => l.state !== 'retired';
/** Where goods may come from and go to. */
export const ends = () => office.locations.filter((l) => open(l) && l.kind !== 'transit');
/** Where they may stand on the way. */
export const roads = () => office.locations.filter((l) => open(l) && l.kind === 'transit');

/** Items that a text finds. */
export async function found(text: string, signal: AbortSignal): Promise<Item[]> {
  const path = `v1/items?search=${seg(text)}&limit=8`;
  const page = await theApi().get<{ items: Item[] }>(path, { signal });
  return page.items.filter((item) => item.state === 'active');
}

/** What a location may send of these items. */
export async function available(
  skus: string[],
  location: string,
  signal?: AbortSignal,
): Promise<Map<string, number>> {
  const all = new Map<string, number>(skus.map((sku) => [sku, 0]));
  for (let at = 0; at < skus.length; at += SKUS) {
    const query = skus.slice(at, at + SKUS).map((sku) => `sku=${seg(sku)}`).join('&');
    const page = await theApi().get<{ items: ItemStock[] }>(`v1/stock?${query}`, { signal });
    for (const { sku, locations } of page.items) {
      all.set(sku, locations.find((l) => l.location === location)?.available ?? 0);
    }
  }
  return all;
}
