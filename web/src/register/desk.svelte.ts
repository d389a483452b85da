// What the register page knows right now. Owns the state and what follows from it; asks nobody and
// decides nothing. The ticket is the agent's: this is its latest answer.
import type {
  AgentState, Cashier, ItemHere, Line, Me, PrintJob, Sale, Says, Ticket, Unit,
} from '../shared/api/agent';
import type { Problem } from '../shared/api/http';
import { recall } from '../shared/locale';

export type Phase = 'starting' | 'not_enrolled' | 'sign_in' | 'float' | 'sell';
export type Panel =
  | null | 'pay' | 'approve' | 'receipts' | 'void_ticket' | 'no_sale' | 'weigh' | 'devices' | 'stock';
export type NotFound = { code: string; check_digit_ok: boolean };
/** A scan that stopped: what it was of is past its date. */
export type Expired = { name: string; until: string; lot: string; code: string };
/** An item that is sold by its measure, and waits for it. */
export type Weighing = {
  sku: string;
  name: string;
  unit: Exclude<Unit, 'each'>;
  /** Why the scale gave no weight; empty without a scale. */
  scale: string;
};

class Desk {
  phase = $state<Phase>('starting');
  panel = $state<Panel>(null);
  menu = $state(false);
  leftHanded = $state(recall('left_handed') === 'yes');

  /** The agent's own process; it is beside the page, so its absence stops everything. */
  agentGone = $state(false);
  agent = $state.raw<AgentState | null>(null);
  staff = $state.raw<Cashier[]>([]);
  me = $state.raw<Me | null>(null);

  ticket = $state.raw<Ticket | null>(null);
  selected = $state<string | null>(null);
  /** The sale just paid, shown until the next one starts. */
  paid = $state.raw<{ ticket: Ticket; sale: Sale } | null>(null);

  /** The ticket whose sum the cashier told, while it is being paid. */
  quoted = $state.raw<Ticket | null>(null);
  /** Cash given for a ticket that waits for a manager's yes, minor units. */
  approving = $state<number | null>(null);

  item = $state.raw<ItemHere | null>(null);
  /** What the last scanned code says of the item in hand, beside its number. */
  says = $state.raw<{ sku: string; says: Says } | null>(null);
  query = $state('');
  results = $state.raw<ItemHere[] | null>(null);
  highlighted = $state(0);
  /** A quantity typed before the item. */
  times = $state(1);

  notFound = $state.raw<NotFound | null>(null);
  refusal = $state.raw<Problem | null>(null);
  expired = $state.raw<Expired | null>(null);
  weighing = $state.raw<Weighing | null>(null);
  jobs = $state.raw<PrintJob[]>([]);
  /** Print questions put off until the next pause. */
  putOff = $state.raw<string[]>([]);
  /** The drawer did not open after the last sale. */
  drawerShut = $state(false);
  /** Somebody scanned while the ticket was locked. */
  knocked = $state(false);

  zone = $derived(this.agent?.location.zone);
  currency = $derived(this.agent?.currency ?? 'EUR');
  lines = $derived(this.ticket?.lines ?? []);
  line = $derived(this.lines.find((l) => l.id === this.selected) ?? null);
  paying = $derived(this.panel === 'pay' || this.panel === 'approve');
  /** A scan has joined since the sum was told. */
  requote = $derived(
    this.paying && this.quoted !== null && this.ticket?.fingerprint !== this.quoted.fingerprint,
  );
  locked = $derived(this.paying || this.paid !== null);
  question = $derived(
    this.jobs.find((j) => j.state === 'unknown' && !this.putOff.includes(j.id)) ?? null,
  );

  /** Receipts of this register that wait for the printer, the newest first. */
  waiting = $derived(this.jobs.filter((j) => j.state === 'queued'));

  select(line: Line | null) {
    this.selected = line?.id ?? null;
  }

  /** Takes the agent's ticket; the line just added, or else the last one, is the selected one. */
  take(ticket: Ticket, added?: string) {
    this.ticket = ticket;
    // Of an empty ticket there is nothing to pay.
    if (this.paying && ticket.lines.length === 0) this.panel = null;
    if (added) this.selected = added;
    else if (!ticket.lines.some((l) => l.id === this.selected))
      this.selected = ticket.lines.at(-1)?.id ?? null;
  }

  /** The cashier tells the sum and asks for the money. */
  quote() {
    this.quoted = this.ticket;
    this.panel = 'pay';
  }

  /** Takes what the agent says of a print job. */
  takeJob(job: PrintJob) {
    this.jobs = [job, ...this.jobs.filter((j) => j.id !== job.id)].slice(0, 50);
  }

  clearNotices() {
    this.notFound = null;
    this.refusal = null;
    this.expired = null;
    this.knocked = false;
  }
}

export const desk = new Desk();
