// What this store sends by its own decision: where to, which items, how many of each.
// Invariant: what is chosen outlives the screen until it is booked.
import type { ItemHere } from '../shared/api/agent';
import { announce } from '../shared/announce.svelte';
import { seg } from '../shared/api/http';
import { play } from '../shared/sound';
import { api } from './agent';
import { focusOn, pressed, readUnits, writeUnits } from './figures';
import { moving } from './moving.svelte';

export type Line = { item: ItemHere; text: string };

class Sending {
  to = $state('');
  lines = $state.raw<Line[]>([]);
  sku = $state<string | null>(null);
  fresh = $state(true);

  wanted = $derived(
    this.lines.map((l) => ({ sku: l.item.sku, quantity: readUnits(l.text, l.item.unit) ?? 0 })),
  );
  complete = $derived(this.wanted.every((l) => l.quantity > 0));
  sum = $derived({
    units: this.lines.every((l) => l.item.unit === 'each')
      ? this.wanted.reduce((sum, l) => sum + l.quantity, 0) : null,
    items: this.lines.length,
  });

  take(item: ItemHere) {
    const known = this.lines.find((l) => l.item.sku === item.sku);
    if (!known) {
      const text = item.unit === 'each' ? '1' : '';
      this.lines = [...this.lines, { item, text }];
    } else if (item.unit === 'each') this.step(known, 1);
    play('added');
    announce(item.name);
    this.select(item.sku);
    this.fresh = true;
    focusOn(item.sku, 'units');
  }

  select(sku: string) {
    if (this.sku === sku) return;
    [this.sku, this.fresh] = [sku, true];
  }

  type(sku: string, text: string) {
    this.fresh = false;
    this.lines = this.lines.map((l) => (l.item.sku === sku ? { ...l, text } : l));
  }

  step(line: Line, by: number) {
    const units = readUnits(line.text, line.item.unit) ?? 0;
    this.type(line.item.sku, writeUnits(Math.max(1, units + by), line.item.unit));
  }

  press(key: string) {
    const line = this.lines.find((l) => l.item.sku === this.sku);
    if (line) this.type(line.item.sku, pressed(line.text, key, this.fresh, line.item.unit));
  }

  remove(sku: string) {
    this.lines = this.lines.filter((l) => l.item.sku !== sku);
  }

  /** After a refusal: a register may have sold of the share meanwhile. */
  async refresh() {
    const now = await Promise.all(this.lines.map(({ item }) =>
      api.get<ItemHere>(`api/items/${seg(item.sku)}/here`).catch(() => item)));
    this.lines = this.lines.map((l) =>
      ({ ...l, item: now.find((i) => i.sku === l.item.sku) ?? l.item }));
  }

  /** Undoes what keys did to the figure in hand; what a scan did meanwhile stays. */
  snapshot(): () => void {
    const { sku, fresh } = this;
    const line = this.lines.find((l) => l.item.sku === sku);
    return () => {
      if (!line) return;
      this.type(line.item.sku, line.text);
      if (this.sku === sku) this.fresh = fresh;
    };
  }

  forget() {
    this.lines = [];
    this.to = '';
  }

  async send() {
    if (!this.to || this.lines.length === 0 || !this.complete) return;
    await moving.send(this.to, this.wanted, this.sum);
    if (this.lines.length > 0) await this.refresh();
  }
}

export const sending = new Sending();

moving.afterwards.push(({ act }) => {
  if (act === 'send') sending.forget();
});
