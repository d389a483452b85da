// Live stock: one subscription over `/v1/live`, kept in step. Owns the versions (`after`, `upto`)
// and the latest value per item; knows no page. Invariant: a change is applied only on top of
// what it follows; where something is missing the subscription is made again from a snapshot.
import type { PublicStock } from './api/types';
import { connect, type Socket } from './socket';

export type LiveState = 'connecting' | 'live' | 'lost' | 'refused';

export type Watch = {
  stock(items: PublicStock[]): void;
  state(state: LiveState, code?: string): void;
};

type Message =
  | { kind: 'snapshot'; upto: number; items: PublicStock[] }
  | { kind: 'changes'; after: number; upto: number; items: PublicStock[] }
  | { kind: 'ping' }
  | { kind: 'problem'; code: string };

/** The hub pings every 15 s; two missed ones and some are a cut line. */
const SILENCE_MS = 40_000;

export class LiveStock {
  private socket: Socket | null = null;
  private wanted: string[] = [];
  private upto: number | null = null;

  constructor(
    private address: string,
    private readonly watch: Watch,
  ) {}

  /** Follows these items from now on, and no others. */
  follow(skus: string[]) {
    const next = [...new Set(skus)].sort();
    if (next.join('\n') === this.wanted.join('\n')) return;
    this.wanted = next;
    if (!this.socket) this.start();
    else this.subscribe();
  }

  /** The same items from another address: the key in it is a new one. */
  move(address: string) {
    this.socket?.close();
    this.socket = null;
    this.upto = null;
    this.address = address;
    if (this.wanted.length > 0) this.start();
  }

  stop() {
    this.socket?.close();
    this.socket = null;
    this.wanted = [];
  }

  private start() {
    this.watch.state('connecting');
    this.socket = connect(
      this.address,
      {
        open: () => this.subscribe(),
        message: (m) => this.take(m as Message),
        lost: () => {
          this.upto = null;
          this.watch.state('lost');
        },
        ended: () => {
          this.upto = null;
          this.watch.state('refused', 'wrong_secret');
        },
      },
      SILENCE_MS,
    );
  }

  private subscribe() {
    this.upto = null;
    this.socket?.send({ subscribe: { items: this.wanted, locations: null } });
  }

  private take(message: Message) {
    switch (message.kind) {
      case 'snapshot':
        this.upto = message.upto;
        this.watch.stock(message.items);
        this.watch.state('live');
        break;
      case 'changes':
        // Before a snapshot nothing can be placed; after a gap nothing can be trusted.
        if (this.upto === null) break;
        if (message.after > this.upto) {
          this.subscribe();
          break;
        }
        if (message.upto > this.upto) this.upto = message.upto;
        this.watch.stock(message.items);
        break;
      case 'ping':
        break;
      case 'problem':
        this.watch.state('refused', message.code);
        break;
    }
  }
}
