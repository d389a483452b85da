// The stock view's knowledge: the item in hand, what is typed, what was booked here. Counts and
// goods in are facts of the store's log, booked with the line down too.
// Invariant: nothing is booked that nobody pressed for.
import type { AgentEvent, ItemHere } from '../shared/api/agent';
import { alarm, announce } from '../shared/announce.svelte';
import { asProblem, Problem, seg } from '../shared/api/http';
import { count, measure, parseDecimal, type Unit } from '../shared/format';
import { play } from '../shared/sound';
import { api, fail } from './agent';
import { asking, isMove, type Asked, type Figure, type Move } from './asking.svelte';
import { desk } from './desk.svelte';
import { words as moving } from './moving-strings';
import { said } from './said';
import { itemCodes, likelyMisread } from './scanned';
import { search } from './search';
import { words } from './stock-strings';

export type Act = Figure['act'];
type Told = { title: string; text: string };
export type Booked = (Figure & { now: number | null }) | Move;

const LISTED = 20;
const FOUND = 50;

class Stock {
  act = $state<Act>('count');
  item = $state.raw<ItemHere | null>(null);
  typed = $state('');
  trouble = $state.raw<Told | null>(null);
  /** The act just booked, until the next item. */
  told = $state.raw<Booked | null>(null);
  booked = $state.raw<Booked[]>([]);
  /** Another screen of the view that takes what is found, while it is open. */
  taker: ((item: ItemHere) => void) | null = null;
  field: HTMLInputElement | null = null;

  quantity = $derived.by(() => {
    if (!this.item || this.typed.trim() === '') return null;
    const units = parseDecimal(this.typed, this.item.unit === 'each' ? 0 : 3);
    return units === null || (units === 0 && this.act === 'receive') ? null : units;
  });

  say(title: string, text: string, cue: 'blocked' | 'not_found' = 'blocked') {
    this.trouble = { title, text };
    play(cue);
    alarm(`${title}. ${text}`);
  }

  failed = (cause: unknown) => {
    const problem = asProblem(cause);
    if (problem.unreachable || problem.status === 401) return fail(problem);
    this.say(words.refused, said(problem));
  };

  /** Takes an item in hand. What was typed for another one is not dropped without a word. */
  take(item: ItemHere): boolean {
    search.clear();
    if (this.taker) return this.taker(item), true;
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
    if (!item || quantity === null || !asking.may || !asking.free) return;
    await this.send({
      ...asking.fresh(), act: this.act, quantity, before: item.here.on_hand,
      item: { sku: item.sku, name: item.name, unit: item.unit },
    });
  }

  async send(asked: Figure) {
    this.trouble = null;
    await asking.send(asked, this.failed, async () => {
      if (this.item?.sku === asked.item.sku) this.clear();
      await this.confirm(asked);
    });
  }

  letGo() {
    asking.keep(null);
    void this.refresh().catch(fail);
  }

  list(done: Booked) {
    this.told = done;
    this.booked = [done, ...this.booked].slice(0, LISTED);
    play('paid');
    announce(`${title(done)}. ${nowHere(done)}`);
  }

  private async confirm(asked: Figure) {
    const path = `api/items/${seg(asked.item.sku)}/here`;
    // It is booked whether or not the figure can be read now.
    const now = await api.get<ItemHere>(path).then((i) => i.here.on_hand).catch(() => null);
    this.list({ ...asked, now });
  }
}

/** A name among other words: what it does to the direction of writing ends with it. */
const [FSI, PDI] = [0x2068, 0x2069].map((c) => String.fromCharCode(c));
export const apart = (name: string) => FSI + name + PDI;

/** `Counted: 7 × Camp lantern`, `Sent to Naas: 4 units`. */
export function title(asked: Asked): string {
  if (isMove(asked)) return moved(asked);
  const { act, quantity, item } = asked;
  const n = measure(quantity, item.unit);
  const name = apart(item.name);
  if (item.unit === 'each')
    return act === 'count' ? words.counted(n, name) : words.received(n, name);
  const say = act === 'count' ? words.countedMeasure : words.receivedMeasure;
  return say(n, name);
}

function moved({ act, place, units, items }: Move): string {
  const name = apart(place);
  if (act === 'arrive' && items === 0) return moving.closed(name);
  const say = { arrive: moving.unpacked, hand_over: moving.handedOver, send: moving.sent }[act];
  return say(howMany(units, items), name);
}

/** `4 units`, or `3 items` of those that are measured. */
export function howMany(units: number | null, items: number): string {
  return units === null ? moving.items(count(items), items === 1)
    : moving.units(count(units), units === 1);
}

/** `2 × Camp lantern`, `0.862 kg Cheddar`. */
export function named(units: number, unit: Unit, name: string): string {
  return (unit === 'each' ? moving.ofItem : moving.ofMeasure)(measure(units, unit), apart(name));
}

/** `On hand: 9 before, 7 now.` */
export function nowHere(booked: Booked): string {
  if (isMove(booked) || booked.now === null) return '';
  const { before, now, item } = booked;
  return words.onHandNow(measure(before, item.unit), measure(now, item.unit));
}

export const stock = new Stock();

/** What is found goes to another screen of the view, until the answer is called. */
export function takesOver(taker: (item: ItemHere) => void): () => void {
  stock.taker = taker;
  return () => {
    if (stock.taker === taker) stock.taker = null;
  };
}
