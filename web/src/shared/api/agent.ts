// What the store's agent says and takes on its pages, as the register uses it.
import type { Money } from '../format';

export type LinkState = 'live' | 'catching_up' | 'offline';
export type PrinterState =
  | 'ready' | 'printing' | 'paper_low' | 'no_paper' | 'cover_open' | 'not_answering'
  | 'unreachable' | 'none' | 'sent_unconfirmed';

export type AgentState = {
  enrolled: boolean;
  shop: string;
  location: { code: string; name: string; zone: string };
  currency: string;
  registers: { code: string; name: string }[];
  link: { state: LinkState; since: string; last_answer_age_ms: number | null; waiting: number };
  printer: { state: PrinterState; since: string };
  scanner: { state: 'ready' | 'gone' | 'none' };
  drawer: { state: 'closed' | 'open' | 'unknown' };
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
  unit: string;
  quantity: number;
  unit_price: Money;
  total: Money;
  tax: string;
  beyond: number;
  warning: null | 'free_when_offline' | 'promised';
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
  price: Money | null;
  barcode: string | null;
  here: { on_hand: number; to_sell: number; reserved: number; picked: number; share: number };
  elsewhere: Elsewhere[];
};

/** What a payment says. The same key with the same payment is the same sale. */
export type Payment = {
  shown: { ticket: string; total: Money; fingerprint: string };
  tenders: { kind: 'cash'; given: Money }[];
};

export type Added = { ticket: Ticket; added: string; item: ItemHere };
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
  receipt_number: string;
  state: 'queued' | 'sending' | 'confirmed' | 'unknown' | 'failed';
  copy: boolean;
  error: string | null;
};

export type AgentEvent =
  | ({ kind: 'line' } & Added)
  | { kind: 'not_found'; code: string; check_digit_ok: boolean }
  | { kind: 'scan_refused'; code: string; problem: string; detail: string }
  | { kind: 'drawer_not_opened' }
  | ({ kind: 'state' } & AgentState)
  | { kind: 'ticket'; ticket: Ticket }
  | { kind: 'printed'; job: PrintJob };
