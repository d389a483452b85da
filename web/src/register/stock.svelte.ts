// The stock view's knowledge: the item in hand, what is typed, what was booked here. Counts and
// goods in are facts of the store's log, booked with the line down too.
// Invariants: nothing is booked that nobody pressed for; an act without an answer keeps its key,
// so that asking again books it once.
import type { AgentEvent, ItemHere } from '../shared/api/agent';
import { alarm, announce } from '../shared/announce.svelte';
import { asProblem, newKey, Problem, seg } from '../shared/api/http';
import { measure, parseDecimal } from '../shared/format';
import { play } from '../shared/sound';
import { api, fail } from './agent';
import { desk } from './desk.svelte';
import { said } from './said';
import { itemCodes, likelyMisread } from './scanned';
import { search } from './search';
import { words } from './stock-strings';

export type Act = 'count' | 'receive';
type Told = { title: string; text: string };
/** An act that was sent; another cashier does not finish it. */
export type Asked = {
  key: string; act: Act; quantity: number; at: string; by: string;
  item: Pick<ItemHere, 'sku' | 'name' | 'unit'>; before: number;
};
export type Booked = Asked & { now: number | null };

/** Who answers for the stock; the agent has the last word. */
const ROLES = ['clerk', 'manager', 'admin'];
const KEPT = 'oneshelf.stock';
const LISTED = 20;
const FOUND = 50;

function recall(): Asked | null {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? 'null') as Asked | null;
  } catch {
    return null;
  }
}

class Stock {
  act = $state<Act>('count');
  item = $state.raw<ItemHere | null>(null);
  typed = $state('');
  trouble = $state.raw<Told | null>(null);
  /** The act just booked, until the next item. */
  told = $state.raw<Booked | null>(null);
  booked = $state.raw<Booked[]>([]);
  asked = $state.raw<Asked | null>(recall());
  busy = $state(false);
  /** What the agent said when it did not say what became of an act. */
  why = $state('');
  field: HTMLInputElement | null = null;

  may = $derived(ROLES.includes(desk.me?.cashier.role ?? ''));
  /** Of this person, and not on its way just now. */
  lost = $derived(
    this.asked && !this.busy && this.asked.by === desk.me?.cashier.code ? this.asked : null,
  );
  quantity = $derived.by(() => {
    if (!this.item || this.typed.trim() === '') return null;
    const units = parseDecimal(this.typed, this.item.unit === 'each' ? 0 : 3);
    return units === null || (units === 0 && this.act === 'receive') ? null : units;
  });

  private keep(asked: Asked | null) {
    this.asked = asked;
    try {
      if (asked) sessionStorage.setItem(KEPT, JSON.stringify(asked));
      else sessionStorage.removeItem(KEPT);
    } catch {
      // Without storage it lasts until the page is closed.
    }
  }

  private say(title: string, text: string, cue: 'blocked' | 'not_found' = 'blocked') {
    this.trouble = { title, text };
    play(cue);
    alarm(`${title}. ${text}`);
  }

  private failed(cause: unknown) {
    const problem = asProblem(cause);
    if (problem.unreachable || problem.status === 401) return fail(problem);
    this.say(words.refused, said(problem));
  }

  /** Takes an item in hand. What was typed for another one is not dropped without a word. */
  take(item: ItemHere): boolean {
    search.clear();
    if (this.typed !== '' && this.item && this.item.sku !== item.sku) {
      this.say(words.bookFirst(apart(this.item.name)), words.bookFirstWhy);
      return false;
    }
    this.trouble = null;
    this.told = null;
    this.item = item;
    play('added');
    announce(`${item.name}. ${words.onHand}: ${measure(item.here.on_hand, item.unit)}`);
    requestAnimationFrame(() => this.field?.focus());
    return true;
  }

  clear() {
    this.item = null;
    this.typed = '';
    this.trouble = null;
  }

  /** Looks again at the item in hand: a register may sell it meanwhile. */
  async refresh() {
    const sku = this.item?.sku;
    if (!sku) return;
    const item = await api.get<ItemHere>(`api/items/${seg(sku)}/here`);
    if (this.item?.sku === sku) this.item = item;
  }

  /** A code of a scanner that types: looked up, not sold. */
  async scan(code: string) {
    try {
      for (const text of itemCodes(code)) {
        const path = `api/items?search=${encodeURIComponent(text)}&limit=${FOUND}`;
        const { items } = await api.get<{ items: ItemHere[] }>(path);
        const same = items.filter((i) => i.barcode === text || i.sku === text);
        if (same.length === 1) return void this.take(same[0]);
        const number = /^\d{12,14}$/.test(text);
        const begins = (i: ItemHere) => i.barcode?.startsWith(text) || i.sku.startsWith(text);
        // A second barcode of an item is not told with it: its whole number found the item. Of a
        // longer number it is only the beginning, and the item another one.
        if (number && items.length === 1 && !begins(items[0])) return void this.take(items[0]);
        if (!number && items.length > 0) {
          desk.query = text;
          desk.results = items;
          desk.highlighted = 0;
          return this.say(words.title, words.several, 'not_found');
        }
      }
      this.unknown(code, !likelyMisread(code));
    } catch (cause) {
      this.failed(cause);
    }
  }

  private unknown(code: string, sound: boolean) {
    const short = code.length > 40 ? `${code.slice(0, 40)}…` : code;
    const text = sound ? words.unknown(short) : words.misread(short);
    this.say(words.unknownTitle, text, 'not_found');
  }

  /** What the agent says of its own scanner's scans; true when it was one. */
  heard(event: AgentEvent): boolean {
    if (event.kind === 'not_found') this.unknown(event.code, event.check_digit_ok);
    else if (event.kind === 'scan_refused' && typeof event.fields?.sku === 'string')
      void this.open(event.fields.sku);
    else if (event.kind === 'scan_refused')
      this.failed(new Problem(409, event.problem, '', event.detail, event.fields ?? {}));
    else return false;
    return true;
  }

  private async open(sku: string) {
    try {
      this.take(await api.get<ItemHere>(`api/items/${seg(sku)}/here`));
    } catch (cause) {
      this.failed(cause);
    }
  }

  /** Enter in the search box. */
  async enter() {
    const text = desk.query.trim();
    const chosen = desk.results?.[desk.highlighted];
    if (chosen) return void this.take(chosen);
    if (text === '') return;
    await search.settle();
    const found = desk.results ?? [];
    if (found.length === 1) this.take(found[0]);
  }

  async book() {
    const { item, quantity } = this;
    if (!item || quantity === null || !this.may || this.busy || this.lost) return;
    await this.send({
      key: newKey(), act: this.act, quantity, at: new Date().toISOString(),
      by: desk.me?.cashier.code ?? '', before: item.here.on_hand,
      item: { sku: item.sku, name: item.name, unit: item.unit },
    });
  }

  async askAgain() {
    if (this.lost) await this.send(this.lost);
  }

  letGo() {
    this.keep(null);
    void this.refresh().catch(fail);
  }

  private async send(asked: Asked) {
    const { act, quantity, item: { sku }, key } = asked;
    this.keep(asked);
    this.busy = true;
    this.trouble = null;
    const body = act === 'count' ? { act, sku, found: quantity } : { act, sku, quantity };
    try {
      await api.post('api/stock/acts', body, { key });
    } catch (cause) {
      const problem = asProblem(cause);
      // Only a refusal says that nothing was booked. Who has to sign in first asks again then.
      const refused = problem.status >= 400 && problem.status < 500 && problem.status !== 401;
      if (refused) this.keep(null);
      this.busy = false;
      this.why = refused || problem.unreachable ? '' : said(problem);
      if (refused || problem.unreachable || problem.status === 401) return this.failed(problem);
      play('blocked');
      return alarm(`${words.lostTitle}. ${this.why}`);
    }
    this.keep(null);
    if (this.item?.sku === sku) this.clear();
    await this.confirm(asked);
    this.busy = false;
  }

  private async confirm(asked: Asked) {
    const { item } = asked;
    const path = `api/items/${seg(item.sku)}/here`;
    // It is booked whether or not the figure can be read now.
    const now = await api.get<ItemHere>(path).then((i) => i.here.on_hand).catch(() => null);
    const done = { ...asked, now };
    this.told = done;
    this.booked = [done, ...this.booked].slice(0, LISTED);
    play('paid');
    announce(`${title(done)}. ${nowHere(done)}`);
  }
}

/** A name among other words: what it does to the direction of writing ends with it. */
const [FSI, PDI] = [0x2068, 0x2069].map((c) => String.fromCharCode(c));
const apart = (name: string) => FSI + name + PDI;

/** `Counted: 7 × Camp lantern`. */
export function title({ act, quantity, item }: Asked): string {
  const n = measure(quantity, item.unit);
  const name = apart(item.name);
  if (item.unit === 'each')
    return act === 'count' ? words.counted(n, name) : words.received(n, name);
  const say = act === 'count' ? words.countedMeasure : words.receivedMeasure;
  return say(n, name);
}

/** `On hand: 9 before, 7 now.` */
export function nowHere({ before, now, item }: Booked): string {
  if (now === null) return '';
  return words.onHandNow(measure(before, item.unit), measure(now, item.unit));
}

export const stock = new Stock();
