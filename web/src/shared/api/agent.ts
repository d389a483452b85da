// What the store's agent says and takes on its pages, as the register uses it.
import type { Money } from '../format';

export type LinkState = 'live' | 'catching_up' | 'offline';
export type PrinterState =
  | 'ready' | 'printing' | 'paper_low' | 'no_paper' | 'cover_open' | 'cutter_error'
  | 'not_answering' | 'unreachable' | 'none' | 'sent_unconfirmed';
export type ScaleState = 'ready' | 'not_answering' | 'unreachable' | 'none';
export type Unit = 'each' | 'gram' | 'millilitre';

export type AgentState = {
  enrolled: boolean;
  shop: string;
  location: { code: string; name: string; zone: string };
  currency: string;
  registers: { code: string; name: string }[];
  link: { state: LinkState; since: string; last_answer_age_ms: number | null; waiting: number };
  /** What became of the agent's journal; `may_pay`: false until the hub was heard after it. */
  life?: {
    state: 'sound' | 'restored' | 'copied' | 'waits';
    since: string | null;
    life: string | null;
    may_pay: boolean;
    /** It follows the life of the backup that it was put back to. */
    put_back?: boolean;
  };
  /** `waiting`: jobs of the store that wait or are being sent. */
  printer: { state: PrinterState; since: string; waiting: number; paused: boolean };
  scanner: { state: 'ready' | 'gone' | 'none' };
  drawer: { state: 'closed' | 'open' | 'unknown'; since: string | null };
  scale: { state: ScaleState };
  version: string;
};

export type Cashier = { code: string; name: string; role: string };
export type CashSession = {
  id: string;
  register: string;
  opened_at: string;
  opened_by: string;
  opening_float: Money;
};
export type Me = {
  cashier: Cashier;
  register: { code: string; name: string };
  cash_session: CashSession | null;
};

export type Line = {
  id: string;
  sku: string;
  name: string;
  options: string | null;
  image: string | null;
  unit: Unit;
  quantity: number;
  unit_price: Money;
  total: Money;
  tax: string;
  beyond: number;
  warning: null | 'free_when_offline' | 'promised' | 'uncounted';
};
export type TaxLine = { name: string; rate_basis_points: number; net: Money; tax: Money };
export type Ticket = {
  id: string;
  lines: Line[];
  pieces: number;
  total: Money;
  taxes: TaxLine[];
  /** Of what is sold and for how much: a payment names it. */
  fingerprint: string;
  state: string;
};

export type Elsewhere = {
  location: string;
  name: string;
  shown: number;
  as_of: string;
  live: boolean;
};
export type ItemHere = {
  sku: string;
  name: string;
  options: string | null;
  image: string | null;
  unit: Unit;
  price: Money | null;
  barcode: string | null;
  here: { on_hand: number; to_sell: number; reserved: number; picked: number; share: number };
  elsewhere: Elsewhere[];
};

/** Goods on their way here, or soon; of each item what is still to come. */
export type Incoming = { id: string; from: string; state: string; lines: [string, number][] };
/** Goods that the office asks this store to send; of each item also what is missing of it. */
export type Outgoing = {
  id: string; to: string; state: string; lines: [string, number, number][];
};
export type Transfers = {
  transfers: Incoming[];
  outgoing: Outgoing[];
  /** Of the items named; one that the copy does not know yet is not among them. */
  items: Record<string, {
    name: string; options: string | null; unit?: Unit; image?: string | null;
  }>;
  locations: { code: string; name: string; kind: string }[];
};

/** What a payment says. The same key with the same payment is the same sale. */
export type Payment = {
  shown: { ticket: string; total: Money; fingerprint: string };
  tenders: { kind: 'cash'; given: Money }[];
};

/** What a scanned code says beside the item. */
export type Says = {
  lot: string | null;
  serial: string | null;
  expires: string | null;
  best_before: string | null;
  count: number | null;
  grams: number | null;
  millilitres: number | null;
  price_minor: number | null;
};

export type Added = { ticket: Ticket; added: string; item: ItemHere; says: Says | null };
export type Sale = {
  id: string;
  receipt_number: string;
  total: Money;
  given: Money;
  change: Money;
  paid_at: string;
  print: string;
};
export type PrintJob = {
  id: string;
  kind: 'receipt' | 'test_page';
  receipt_number: string | null;
  register: string;
  state: 'queued' | 'sending' | 'confirmed' | 'unknown' | 'failed' | 'skipped';
  copy: boolean;
  /** A stable code, or words of an older agent. */
  error: string | null;
  made_at: string;
  changed_at: string;
};

/** A device as the devices page shows it. */
export type Device<State extends string = string> = {
  state: State;
  since: string | null;
  link?: string | null;
  last_ok?: string | null;
  last_error?: { code: string; at: string } | null;
};
export type Queue = {
  waiting: number;
  oldest_at: string | null;
  asked: number;
  paused: { by: string; at: string } | null;
  confirmed_at: string | null;
};
export type SeenScan = {
  at: string;
  from: 'scanner' | 'page';
  text: string;
  bytes: string;
  symbology: string | { other: string } | null;
  meaning: { kind: string; says?: unknown };
  item: string | null;
  refused: string | null;
};
export type Devices = {
  printer: Device<PrinterState> & { queue: Queue };
  drawer: Device<'closed' | 'open' | 'unknown'>;
  scanner: Device<'ready' | 'gone' | 'none'> & {
    /** What it puts around every code, as it was taught. */
    around: { prefix: string; suffix: string };
    /** Scans of the lesson that is on. */
    lesson: number | null;
  };
  scale: Device<ScaleState>;
  display: Device<'none' | 'away' | 'showing'>;
  scans: SeenScan[];
  jobs: PrintJob[];
};

/** What a customer sees. */
export type Shown = {
  kind: 'display';
  shop: string;
  location: string;
  lines: {
    name: string; options: string | null; unit: Unit; quantity: number; unit_price: Money;
    total: Money;
  }[];
  pieces: number;
  total: Money | null;
  paid: { total: Money; given: Money; change: Money } | null;
};

export type AgentEvent =
  | ({ kind: 'line' } & Added)
  | { kind: 'not_found'; code: string; check_digit_ok: boolean }
  | {
      kind: 'scan_refused'; code: string; problem: string; detail: string;
      fields?: Record<string, unknown>;
    }
  | { kind: 'devices' }
  | { kind: 'on_the_way' }
  | { kind: 'drawer_not_opened' }
  | ({ kind: 'state' } & AgentState)
  | { kind: 'ticket'; ticket: Ticket }
  | { kind: 'printed'; job: PrintJob };
