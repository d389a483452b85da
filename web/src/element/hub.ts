// The line to one hub with one key, shared by all elements of the page that name both. Owns the
// way it is had (WebSocket, else server-sent events, else asking again and again), the newest
// figure of each item, and coming back. Draws nothing.
// Invariant: while no element wants anything, or nobody sees the page, no line is open.

export type Shown =
  | { kind: 'exact'; count: number; more: boolean }
  | { kind: 'level'; level: 'in_stock' | 'low' | 'out' }
  | { kind: 'yes_no'; available: boolean };
export type StockAt = { location: string; name: string; shown: Shown; state: string; as_of: string };
export type Item = { sku: string; total: Shown; locations: StockAt[] };

type Message =
  | { kind: 'snapshot'; upto: number; items: Item[] }
  | { kind: 'changes'; after: number; upto: number; items: Item[] }
  | { kind: 'ping' }
  | { kind: 'problem'; code: string };

/** `live`: told of every change. `lost`: figures are old. `refused`: the key ended, or may not. */
export type LineState = 'connecting' | 'live' | 'lost' | 'refused';

export interface Watcher {
  readonly sku: string;
  changed(): void;
}

/** Ways to have figures, the best first. */
const WAYS = ['socket', 'events', 'asking'] as const;

/** The hub says something every 5 s; three misses and some are a cut line. */
const SILENCE_MS = 16_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** How often a page without a better way asks. */
const ASK_MS = 10_000;
/** When a better way is tried again. */
const CLIMB_MS = 300_000;
/** Failures of a way before the next one is tried. */
const TRIES = 2;
/** Changes of what is on the page that are told together while a line is open. */
const SETTLE_MS = 100;
/** A page that nobody sees for so long needs no figures. */
const UNSEEN_MS = 20_000;
const ITEMS_MAX = 500;
const ASKED_MAX = 100;
/** Close code of a hub whose key or session ended. */
const NOT_ALLOWED = 4401;

export class Line {
  state: LineState = 'connecting';
  /** When something was last heard, in ms. */
  heard = 0;
  private items = new Map<string, Item>();
  private readonly watchers = new Set<Watcher>();
  private way = 0;
  private failures = 0;
  private wait = FIRST_WAIT_MS;
  private climb = 0;
  private upto = 0;
  /** Up to where a line told figures, also one that was cut. */
  private told = 0;
  private asked = '';
  private shut: (() => void) | null = null;
  /** Asks for other items on the line that is there, where that is possible. */
  private again: (() => void) | null = null;
  private timer = 0;
  private silence = 0;
  private planned = false;

  constructor(
    private readonly hub: string,
    private readonly key: string,
  ) {}

  add(watcher: Watcher) {
    this.watchers.add(watcher);
    this.plan();
  }

  remove(watcher: Watcher) {
    this.watchers.delete(watcher);
    this.plan();
  }

  get idle() {
    return this.watchers.size === 0;
  }

  /** The newest figure; null: the hub has no such item; undefined: it was not asked yet. */
  of(sku: string): Item | null | undefined {
    const item = this.items.get(sku);
    if (item) return item;
    return this.upto > 0 && this.asked.includes(JSON.stringify(sku)) ? null : undefined;
  }

  /** The item as JSON-LD, which is safe in a script element; null when there is none. */
  async linked(sku: string): Promise<string | null> {
    const path = `v1/public/items/${encodeURIComponent(sku)}/json-ld`;
    const headers = { 'x-oneshelf-key': this.key };
    const asked = fetch(this.address(path, []), { headers, credentials: 'omit' });
    const answer = await asked.catch(() => null);
    return answer?.ok ? answer.text() : null;
  }

  /** Elements that come or go together are one change; the last one hangs up at once. */
  private plan() {
    if (this.planned) return;
    this.planned = true;
    const settle = () => {
      this.planned = false;
      if (this.idle) this.pause();
      else if (!this.shut) this.open();
      else if (this.wanted() !== this.asked) this.again ? this.again() : this.open();
    };
    if (this.shut && !this.idle) setTimeout(settle, SETTLE_MS);
    else queueMicrotask(settle);
  }

  private skus(): string[] {
    return [...new Set([...this.watchers].map((w) => w.sku))].sort().slice(0, ITEMS_MAX);
  }

  private wanted = () => JSON.stringify(this.skus());

  /** Hangs up until somebody wants figures again. */
  pause() {
    clearTimeout(this.timer);
    clearTimeout(this.silence);
    this.shut?.();
    this.shut = this.again = null;
  }

  open() {
    if (this.idle || this.state === 'refused') return;
    this.pause();
    this.asked = this.wanted();
    this.upto = 0;
    this[WAYS[this.way]]();
    this.listen();
  }

  private address(path: string, query: [string, string][]) {
    return new URL(`${path}?${new URLSearchParams(query)}`, this.hub).href;
  }

  private socket() {
    const url = this.address('v1/live', [['key', this.key]]).replace(/^http/, 'ws');
    const socket = new WebSocket(url);
    const subscribe = () => socket.send(`{"subscribe":{"items":${this.asked},"locations":null}}`);
    socket.onopen = subscribe;
    this.again = () => {
      this.asked = this.wanted();
      this.upto = 0;
      // Before it is open nothing was asked yet.
      if (socket.readyState === WebSocket.OPEN) subscribe();
    };
    socket.onmessage = (event) => this.take(event.data);
    socket.onclose = (event) => (event.code === NOT_ALLOWED ? this.refuse() : this.lose());
    this.shut = () => {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    };
  }

  private events() {
    const items = this.skus().map((sku): [string, string] => ['items', sku]);
    const events = new EventSource(this.address('v1/live/events', [...items, ['key', this.key]]));
    events.onmessage = (event) => this.take(event.data);
    events.onerror = () => this.lose();
    this.shut = () => events.close();
  }

  private asking() {
    const stop = new AbortController();
    this.shut = () => stop.abort();
    void this.ask(stop.signal).then((good) => {
      if (stop.signal.aborted || this.state === 'refused') return;
      if (!good) return this.lose();
      if (Date.now() >= this.climb) {
        this.climb = Date.now() + CLIMB_MS;
        this.way = this.failures = 0;
      }
      clearTimeout(this.silence);
      this.timer = setTimeout(() => this.open(), this.way === 0 ? 0 : ASK_MS);
    });
  }

  /** One question; it also says why a line is not had, which browsers keep to themselves. */
  private async ask(signal: AbortSignal): Promise<boolean> {
    const found: Item[] = [];
    let version = Infinity;
    const skus = this.skus();
    for (let at = 0; at < skus.length; at += ASKED_MAX) {
      const query = skus.slice(at, at + ASKED_MAX).map((sku): [string, string] => ['sku', sku]);
      try {
        const answer = await fetch(this.address('v1/public/stock', query), {
          headers: { 'x-oneshelf-key': this.key },
          credentials: 'omit',
          signal,
        });
        if (answer.status === 401 || answer.status === 403) this.refuse();
        if (!answer.ok) return false;
        const body = await answer.json();
        version = Math.min(version, body.version);
        found.push(...body.items);
      } catch {
        return false;
      }
    }
    this.answered(version, found);
    return true;
  }

  private take(text: string) {
    this.wait = FIRST_WAIT_MS;
    this.failures = 0;
    this.listen();
    let message: Message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (message.kind === 'problem') {
      if (message.code === 'wrong_secret') this.refuse();
      return;
    }
    this.fill(message);
  }

  private fill(message: Exclude<Message, { kind: 'problem' }>) {
    this.heard = Date.now();
    if (message.kind === 'ping') return;
    // Before a snapshot nothing can be placed; after a gap nothing can be trusted.
    if (message.kind === 'changes') {
      if (this.upto === 0) return;
      if (message.after > this.upto) return this.open();
    }
    if (message.kind === 'snapshot') this.items.clear();
    this.told = this.upto = Math.max(message.upto, this.upto, 1);
    for (const item of message.items) this.items.set(item.sku, item);
    this.tell('live');
  }

  /** Figures that were asked for. Their answer may be late, or of a hub that lags behind. */
  private answered(version: number, items: Item[]) {
    const asking = WAYS[this.way] === 'asking';
    const open = this.shut !== null && !asking;
    if (open && this.upto > 0) return;
    if (version < this.told) {
      // The next answer counts: a hub that was put back to a backup never comes to that version.
      if (asking) this.told = 0;
      return;
    }
    this.heard = Date.now();
    this.items = new Map(items.map((item) => [item.sku, item]));
    // A line that is being opened begins with a snapshot of its own.
    if (!open) this.upto = Math.max(version, 1);
    this.tell('live');
  }

  private listen() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.lose(), SILENCE_MS);
  }

  private lose() {
    this.pause();
    this.failures += 1;
    const first = this.failures === 1 && this.way === 0;
    if (this.failures >= TRIES && this.way < WAYS.length - 1) {
      this.way += 1;
      this.failures = 0;
    }
    this.tell(this.state === 'connecting' ? 'connecting' : 'lost');
    this.timer = setTimeout(() => this.open(), this.wait * (0.5 + Math.random()));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
    // Why there is no line is not said; a question is answered, and may bring the figures.
    if (first) void this.ask(AbortSignal.timeout(LONGEST_WAIT_MS)).then((good) => this.doubt(good));
  }

  /** Nothing was had by the last way either: whoever never had a figure is told so. */
  private doubt(good: boolean) {
    if (!good && this.state === 'connecting') this.tell('lost');
  }

  private refuse() {
    this.items.clear();
    this.pause();
    this.tell('refused');
  }

  private tell(state: LineState) {
    this.state = state;
    for (const watcher of this.watchers) watcher.changed();
  }

  /** The network is back, or somebody looks again: no reason to wait. */
  hurry() {
    if (!this.shut && !this.idle) this.open();
  }
}

const lines = new Map<string, Line>();

/** The line of all elements that name this hub and this key. */
export function lineTo(hub: string, key: string): Line {
  const name = `${hub} ${key}`;
  let line = lines.get(name);
  if (!line) lines.set(name, (line = new Line(hub, key)));
  return line;
}

const each = (act: (line: Line) => void) => () => lines.forEach(act);
const hurry = each((line) => line.hurry());
const pause = each((line) => line.pause());
let unseen = 0;

addEventListener('online', hurry);
// A page that goes into the browser's cache, or away, leaves nothing behind.
addEventListener('pagehide', pause);
addEventListener('pageshow', hurry);
document.addEventListener('visibilitychange', () => {
  clearTimeout(unseen);
  if (document.visibilityState === 'visible') hurry();
  else unseen = setTimeout(pause, UNSEEN_MS);
});
