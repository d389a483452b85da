// What the section of channels has read, and how it is read again while somebody looks. Draws
// nothing. A role that may not read channels sees an empty list.
import { asProblem, seg } from '../shared/api/http';
import type { Channel, ChannelOrder, Delivery } from '../shared/api/types';
import { noteFailure, theApi } from './office.svelte';

const EVERY_MS = 2500;
const ROWS = 50;

class Channels {
  all = $state.raw<Channel[]>([]);
  /** The one that is open, by its code. */
  open = $state<string | null>(null);
  deliveries = $state.raw<Delivery[]>([]);
  orders = $state.raw<ChannelOrder[]>([]);
  one = $derived(this.all.find((c) => c.code === this.open) ?? null);
}

export const channels = new Channels();

export async function readChannels() {
  const page = await theApi().get<{ channels: Channel[] }>('v1/channels?limit=500');
  channels.all = page.channels;
}

async function readOne(code: string) {
  const path = `v1/channels/${seg(code)}`;
  const [told, ordered] = await Promise.all([
    theApi().get<{ deliveries: Delivery[] }>(`${path}/deliveries?limit=${ROWS}`),
    theApi().get<{ orders: ChannelOrder[] }>(`${path}/orders?limit=${ROWS}`),
  ]);
  if (channels.open !== code) return;
  channels.deliveries = told.deliveries;
  channels.orders = ordered.orders;
}

export async function readAll() {
  try {
    await readChannels();
    if (channels.open) await readOne(channels.open);
  } catch (cause) {
    if (asProblem(cause).status !== 403) noteFailure(cause);
  }
}

export function openChannel(code: string | null) {
  channels.open = code;
  channels.deliveries = [];
  channels.orders = [];
  void readAll();
}

export function followChannels(): () => void {
  void readAll();
  const timer = setInterval(() => {
    if (document.visibilityState === 'visible') void readAll();
  }, EVERY_MS);
  return () => clearInterval(timer);
}

/** An action on a channel; afterwards everything is read again. */
export async function act<T>(code: string, what: string, body: unknown = {}): Promise<T> {
  const answer = await theApi().post<T>(`v1/channels/${seg(code)}/${what}`, body);
  await readAll();
  return answer;
}

/** How a channel is doing, in one word and its tone. */
export function health(channel: Channel): { tone: 'ok' | 'warn' | 'stop' | 'none'; word: string } {
  const { failures, failing_since: since, last_ok_at: ok } = channel.health;
  if (channel.stopped === 'failing') return { tone: 'stop', word: 'failing_days' };
  if (channel.stopped) return { tone: 'stop', word: channel.stopped };
  if (!channel.endpoint) return { tone: 'none', word: 'only_orders' };
  if (since) return { tone: failures >= 5 ? 'stop' : 'warn', word: 'failing' };
  return ok ? { tone: 'ok', word: 'well' } : { tone: 'none', word: 'untried' };
}
