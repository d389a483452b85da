// What is typed while a transfer is unpacked: good and damaged of each line, and whether more will
// come. A figure that nobody touched follows what is still to come.
// Invariant: figures outlive the screen until they are booked.
import type { Incoming, ItemHere } from '../shared/api/agent';
import { announce } from '../shared/announce.svelte';
import { measure } from '../shared/format';
import { play } from '../shared/sound';
import { focusOn, pressed, readUnits, writeUnits } from './figures';
import { moving, type Named } from './moving.svelte';
import { words } from './moving-strings';

export type Column = 'good' | 'damaged';
type Typed = { good: Record<string, string>; damaged: Record<string, string> };
type Draft = Typed & { extra: Named[]; close: boolean };
export type Came = Named & {
  toCome: number; text: Record<Column, string>; good: number | null; damaged: number | null;
};

const empty: Draft = { good: {}, damaged: {}, extra: [], close: false };

class Unpacking {
  private drafts = $state.raw<Record<string, Draft>>({});
  /** The line and column that the pad types into. */
  sku = $state<string | null>(null);
  column = $state<Column>('good');
  /** The next key starts the figure anew. */
  fresh = $state(true);

  draft = $derived(this.drafts[moving.open?.id ?? ''] ?? empty);
  lines = $derived(moving.open ? this.of(moving.open, this.draft) : []);
  wrong = $derived(this.lines.some((l) => l.good === null || l.damaged === null));
  came = $derived(
    this.lines.map((l) => ({ sku: l.sku, good: l.good ?? 0, damaged: l.damaged ?? 0 })),
  );
  sum = $derived(
    moving.sum(this.came.map((l) => ({ sku: l.sku, units: l.good + l.damaged }))
      .filter((l) => l.units > 0)),
  );
  /** Less and more than was sent, line by line. */
  rest = $derived(this.apart((toCome, came) => toCome - came));
  over = $derived(this.apart((toCome, came) => came - toCome));

  private apart(by: (toCome: number, came: number) => number) {
    return this.lines
      .map((line) => ({ line, units: by(line.toCome, (line.good ?? 0) + (line.damaged ?? 0)) }))
      .filter((l) => l.units > 0);
  }

  private of(it: Incoming, draft: Draft): Came[] {
    const sent = it.lines.map(([sku, toCome]) => ({ ...moving.item(sku), toCome }));
    const extra = draft.extra
      .filter((e) => !sent.some((s) => s.sku === e.sku))
      .map((e) => ({ ...e, toCome: 0 }));
    return [...sent, ...extra].map((line) => {
      const { sku, unit, toCome } = line;
      const damagedText = draft.damaged[sku] ?? '0';
      const damaged = readUnits(damagedText, unit);
      const untouched = writeUnits(Math.max(0, toCome - (damaged ?? 0)), unit);
      const goodText = draft.good[sku] ?? untouched;
      return { ...line, text: { good: goodText, damaged: damagedText },
        good: readUnits(goodText, unit), damaged };
    });
  }

  private change(more: Partial<Draft>) {
    const id = moving.open?.id;
    if (id) this.drafts = { ...this.drafts, [id]: { ...this.draft, ...more } };
  }

  type(sku: string, column: Column, text: string) {
    this.fresh = false;
    this.change({ [column]: { ...this.draft[column], [sku]: text } });
  }

  select(sku: string, column: Column) {
    if (this.sku === sku && this.column === column) return;
    [this.sku, this.column, this.fresh] = [sku, column, true];
  }

  press(key: string) {
    const line = this.lines.find((l) => l.sku === this.sku);
    if (!line) return;
    this.type(line.sku, this.column,
      pressed(line.text[this.column], key, this.fresh, line.unit));
  }

  setClose(close: boolean) {
    this.change({ close });
  }

  /** As if nobody had typed anything. */
  asSent() {
    this.change(empty);
    this.fresh = true;
  }

  /** Undoes what keys did to the figure in hand; what a scan did meanwhile stays. */
  snapshot(): () => void {
    const { sku, column, fresh } = this;
    const id = moving.open?.id;
    const text = sku ? this.draft[column][sku] : undefined;
    return () => {
      if (!sku || id !== moving.open?.id) return;
      const { [sku]: _, ...others } = this.draft[column];
      this.change({ [column]: text === undefined ? others : { ...others, [sku]: text } });
      if (this.sku === sku) this.fresh = fresh;
    };
  }

  forget(id: string) {
    const { [id]: _, ...left } = this.drafts;
    this.drafts = left;
  }

  /** A scan, or what was found: its line is in hand. What was not sent gets one of its own. */
  take(item: ItemHere) {
    const { sku, name, options, unit, image } = item;
    const one = { sku, name, options, unit, image, known: true };
    if (!this.lines.some((l) => l.sku === sku))
      this.change({ extra: [...this.draft.extra, one] });
    const line = this.lines.find((l) => l.sku === sku);
    play(line?.toCome ? 'added' : 'not_found');
    const still = line?.toCome ? words.toCome(measure(line.toCome, unit)) : words.notSent;
    announce(`${name}. ${still}`);
    this.sku = null;
    this.select(sku, 'good');
    focusOn(sku, 'good');
  }
}

export const unpacking = new Unpacking();

moving.afterwards.push(({ act, body }) => {
  if (act === 'arrive') unpacking.forget(String(body.transfer));
});
