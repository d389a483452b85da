// Looking an item up by name, number or barcode while the cashier types. Owns the pause before it
// asks and drops answers that came too late.
import type { ItemHere } from '../shared/api/agent';
import { api, fail } from './agent';
import { desk } from './desk.svelte';

const PAUSE_MS = 90;
const SHORTEST = 2;
const LIMIT = 12;

let timer: ReturnType<typeof setTimeout> | undefined;
let running: AbortController | null = null;

function stop() {
  clearTimeout(timer);
  running?.abort();
  running = null;
}

async function ask(text: string): Promise<void> {
  const mine = (running = new AbortController());
  try {
    const path = `api/items?search=${encodeURIComponent(text)}&limit=${LIMIT}`;
    const answer = await api.get<{ items: ItemHere[] }>(path, { signal: mine.signal });
    if (running !== mine) return;
    desk.results = answer.items;
    desk.highlighted = 0;
  } catch (cause) {
    fail(cause);
  }
}

export const search = {
  /** Follows what stands in the search box. Short numbers are quantities, not searches. */
  typed() {
    stop();
    const text = desk.query.trim();
    if (text.length < SHORTEST || (/^\d+$/.test(text) && text.length < 4)) {
      desk.results = null;
      return;
    }
    timer = setTimeout(() => void ask(text), PAUSE_MS);
  },

  /** For Enter: the answer to what is typed now, without the pause. */
  async settle() {
    const text = desk.query.trim();
    if (text.length < SHORTEST) return;
    stop();
    await ask(text);
  },

  clear() {
    stop();
    desk.query = '';
    desk.results = null;
    desk.highlighted = 0;
  },
};
