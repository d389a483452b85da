// Goods between this store and other locations, as the agent's copy has them: what comes, what the
// office asks for, which of it is open on the screen, and the acts that book it.
// Invariant: what was booked here is not shown as waiting again before the hub has told it back.
import type { AgentEvent, Incoming, Outgoing, Transfers } from '../shared/api/agent';
import { asProblem } from '../shared/api/http';
import type { Unit } from '../shared/format';
import { api, fail } from './agent';
import { asking, type Move } from './asking.svelte';
import { desk } from './desk.svelte';
import { said } from './said';
import { search } from './search';
import { stock } from './stock.svelte';
import { words } from './moving-strings';

export type Screen =
  | null | { at: 'list' } | { at: 'unpack'; id: string } | { at: 'give'; id: string }
  | { at: 'send' };
/** Of a transfer that stands as `row` still: what this page booked of it. */
type Own = { row: string; came: Record<string, number>; closed: boolean };
export type Named = {
  sku: string; name: string; options: string | null; unit: Unit; image: string | null;
  /** Whether the copy has the item. */
  known: boolean;
};

/** The agent tells each change; this is for a page that missed one while it had no line to it. */
const EVERY_MS = 30_000;

class Moving {
  screen = $state.raw<Screen>(null);
  told = $state.raw<Transfers | null>(null);
  /** Why the list cannot be read. */
  wrong = $state('');
  private own = $state.raw<Record<string, Own>>({});
  private given = $state.raw<string[]>([]);

  incoming = $derived((this.told?.transfers ?? []).flatMap((it) => this.left(it)));
  outgoing = $derived((this.told?.outgoing ?? []).filter((it) => !this.given.includes(it.id)));
  /** What somebody here can work off now. */
  waiting = $derived(
    this.incoming.filter((it) => it.state === 'in_transit').length +
      this.outgoing.filter((it) => it.state !== 'held').length,
  );
  places = $derived(
    (this.told?.locations ?? []).filter(
      (l) => l.kind !== 'transit' && l.code !== desk.agent?.location.code,
    ),
  );
  open = $derived(
    this.screen?.at === 'unpack' ? find(this.incoming, this.screen.id) : null,
  );
  asked = $derived(this.screen?.at === 'give' ? find(this.outgoing, this.screen.id) : null);

  /** A transfer without what was booked of it here, as long as the hub's word is the old one. */
  private left(it: Incoming): Incoming[] {
    const own = this.own[it.id];
    const mine = own && own.row === JSON.stringify(it.lines) ? own : null;
    if (mine?.closed) return [];
    const units = new Map<string, number>();
    for (const [sku, n] of it.lines) units.set(sku, (units.get(sku) ?? 0) + n);
    const lines = [...units]
      .map(([sku, n]): [string, number] => [sku, n - (mine?.came[sku] ?? 0)])
      .filter(([, n]) => n > 0);
    return lines.length > 0 ? [{ ...it, lines }] : [];
  }

  name = (code: string) => this.told?.locations.find((l) => l.code === code)?.name ?? code;

  item = (sku: string): Named => {
    const it = this.told?.items[sku];
    return { sku, name: it?.name ?? sku, options: it?.options ?? null, unit: it?.unit ?? 'each',
      image: it?.image ?? null, known: it !== undefined };
  };

  /** What lines come to in words' figures: pieces, unless some of them are measured. */
  sum(lines: { sku: string; units: number }[]): { units: number | null; items: number } {
    const each = lines.every((l) => this.item(l.sku).unit === 'each');
    const units = lines.reduce((sum, l) => sum + l.units, 0);
    return { units: each ? units : null, items: new Set(lines.map((l) => l.sku)).size };
  }

  goTo(screen: Screen) {
    search.clear();
    stock.trouble = null;
    if (screen?.at !== 'list') stock.told = null;
    this.screen = screen;
    if (screen) void this.read();
  }

  /** `Esc`: true when there was a screen to go back from. */
  back(): boolean {
    if (!this.screen) return false;
    this.goTo(this.screen.at === 'list' ? null : { at: 'list' });
    return true;
  }

  private reading = 0;

  async read() {
    const mine = (this.reading += 1);
    try {
      const told = await api.get<Transfers>('api/stock/transfers');
      // A later question has a later answer.
      if (mine !== this.reading) return;
      this.told = told;
      this.wrong = '';
      this.stillThere();
    } catch (cause) {
      const problem = asProblem(cause);
      if (problem.unreachable || problem.status === 401) fail(problem);
      else this.wrong = said(problem);
    }
  }

  /** What is open on the screen may be gone: booked at another register, changed by the office. */
  private stillThere() {
    const { screen } = this;
    if (asking.busy || asking.lost) return;
    if (screen?.at === 'unpack' ? this.open : screen?.at === 'give' ? this.asked : true) return;
    this.goTo({ at: 'list' });
    stock.say(words.endedTitle, words.ended);
  }

  async book(it: Incoming, came: { sku: string; good: number; damaged: number }[], close: boolean) {
    const lines = came.filter((l) => l.good + l.damaged > 0);
    const sum = this.sum(lines.map((l) => ({ sku: l.sku, units: l.good + l.damaged })));
    const row = JSON.stringify(find(this.told?.transfers ?? [], it.id)?.lines);
    await this.ask('arrive', it.from, sum, { transfer: it.id, lines, close }, row);
  }

  async give(it: Outgoing) {
    const sum = this.sum(toGo(it));
    await this.ask('hand_over', it.to, sum, { reservation: it.id });
  }

  async send(to: string, lines: { sku: string; quantity: number }[], sum: Sum) {
    await this.ask('send', to, sum, { to, lines });
  }

  private async ask(act: Move['act'], place: string, sum: Sum, body: Move['body'], row?: string) {
    if (!asking.free || (!asking.may && act !== 'hand_over')) return;
    await this.again({ ...asking.fresh(), act, place: this.name(place), ...sum, body, row });
  }

  /** Asks for the first time, or for an answer that was lost. */
  async again(move: Move) {
    stock.trouble = null;
    await asking.send(move, (problem) => {
      stock.failed(problem);
      if (!problem.unreachable) void this.read();
    }, async () => {
      this.note(move);
      this.afterwards.forEach((forget) => forget(move));
      this.goTo({ at: 'list' });
      stock.list(move);
      await this.read();
    });
  }

  /** Those who keep what was typed forget it when its act is booked. */
  readonly afterwards: ((move: Move) => void)[] = [];

  private note({ act, body, row }: Move) {
    if (act === 'hand_over') this.given = [...this.given, String(body.reservation)];
    if (act !== 'arrive' || row === undefined) return;
    const id = String(body.transfer);
    const old = this.own[id]?.row === row ? this.own[id].came : {};
    const came = { ...old };
    for (const l of body.lines as { sku: string; good: number; damaged: number }[])
      came[l.sku] = (came[l.sku] ?? 0) + l.good + l.damaged;
    this.own = { ...this.own, [id]: { row, came, closed: body.close === true } };
  }

  letGo() {
    asking.keep(null);
    void this.read();
  }

  /** What the agent says of these; true when it was of these. */
  heard(event: AgentEvent): boolean {
    if (event.kind !== 'on_the_way') return false;
    this.stale += 1;
    return true;
  }

  /** Changes that the agent told of. */
  private stale = $state(0);
  private seen = 0;

  /** Reads what changed while an act was under way as soon as that is done. */
  catchUp() {
    const { stale } = this;
    if (!asking.free || stale === this.seen) return;
    this.seen = stale;
    void this.read();
  }

  /** While the stock view is open. */
  follow() {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible' && asking.free) void this.read();
    }, EVERY_MS);
    return () => {
      clearInterval(timer);
      this.screen = null;
    };
  }
}

export type Sum = { units: number | null; items: number };

const find = <T extends { id: string }>(all: T[], id: string) =>
  all.find((it) => it.id === id) ?? null;

/** What there is to hand over: what is short was sold meanwhile. */
export const toGo = (it: Outgoing) =>
  it.lines.map(([sku, units, short]) => ({ sku, units: units - short, short }));

export const moving = new Moving();
