// What the demo bench shows and moves: the stores' scanners, printers and lines. It talks to the
// demo program alone, never to hub or agent.
import { Api, seg } from '../shared/api/http';
import type { Money } from '../shared/format';

export type Paper = 'ok' | 'low' | 'out';
export type Cover = 'open' | 'closed';
export type Barcode = { code: string; name: string; price: Money | null };
export type Store = {
  code: string;
  name: string;
  register_url: string;
  line_up: boolean;
  printer: { paper: Paper; cover: Cover };
  barcodes: Barcode[];
};
export type State = {
  shop_url: string;
  setup_url: string;
  stores: Store[];
  orders: { placed: number; shipped: number; refused: number };
};
export type Receipts = { receipts: { number: number; svg_url: string }[]; pulses: number };

const LOOK_MS = 1000;
export const api = new Api(new URL('./', location.href));

class Bench {
  state = $state.raw<State | null>(null);
  receipts = $state.raw<Record<string, Receipts>>({});
  gone = $state(false);
}

export const bench = new Bench();

export async function look() {
  try {
    const state = await api.get<State>('bench/state');
    bench.state = state;
    const answers = await Promise.all(
      state.stores.map((s) => api.get<Receipts>(`bench/stores/${seg(s.code)}/receipts`)),
    );
    bench.receipts = Object.fromEntries(state.stores.map((s, i) => [s.code, answers[i]]));
    bench.gone = false;
  } catch {
    bench.gone = true;
  }
}

async function move(store: string, what: string, body: unknown) {
  try {
    await api.post(`bench/stores/${seg(store)}/${what}`, body);
  } catch {
    bench.gone = true;
  }
  await look();
}

export const scan = (store: string, code: string) => move(store, 'scan', { code });
export const setLine = (store: string, up: boolean) => move(store, 'line', { up });
export const setPrinter = (store: string, paper: Paper, cover: Cover) =>
  move(store, 'printer', { paper, cover });

/** Looks every second, one look after the other. */
export function follow(): () => void {
  let timer: ReturnType<typeof setTimeout>;
  let stopped = false;
  const round = async () => {
    await look();
    if (!stopped) timer = setTimeout(() => void round(), LOOK_MS);
  };
  void round();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
