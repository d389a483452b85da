// Taking payment. Owns the key of a payment: chosen before the first try, kept until the agent has
// answered, over a reload of the page and a restart of the agent. Knows no panel's looks.
import type { Payment, Sale, Ticket } from '../shared/api/agent';
import { newKey, Problem } from '../shared/api/http';
import { alarm } from '../shared/announce.svelte';
import { money } from '../shared/format';
import { play } from '../shared/sound';
import { api, fail } from './agent';
import { desk } from './desk.svelte';
import { said } from './said';
import { t } from './strings';

export type Approve = { reason: string; pin: string };

/** A payment that was asked for. Whose and where: another cashier does not finish it unasked. */
type Asked = {
  key: string;
  payment: Payment;
  ticket: Ticket;
  register: string;
  cashier: string;
};

const KEPT = 'oneshelf.payment';

/** Storage may be forbidden; then the key lives as long as the page. */
let beside: string | null = null;

function recall(): Asked | null {
  try {
    beside = sessionStorage.getItem(KEPT);
  } catch {
    // What stands beside it is all there is.
  }
  try {
    return beside ? (JSON.parse(beside) as Asked) : null;
  } catch {
    return null;
  }
}

function keep(asked: Asked | null) {
  beside = asked && JSON.stringify(asked);
  try {
    if (beside) sessionStorage.setItem(KEPT, beside);
    else sessionStorage.removeItem(KEPT);
  } catch {
    // Without storage it lasts until the page is closed.
  }
}

/** Only a refusal says that nothing was booked; silence and a fault of the agent do not. */
function refused(cause: unknown): boolean {
  return cause instanceof Problem && cause.status >= 400 && cause.status < 500 &&
    cause.code !== 'not_signed_in';
}

/** The sale of an answer; the key is dropped as soon as it is known what became of it. */
async function settled(key: string, answer: Promise<{ sale: Sale }>): Promise<Sale> {
  try {
    const { sale } = await answer;
    drop(key);
    return sale;
  } catch (cause) {
    if (refused(cause)) drop(key);
    throw cause;
  }
}

/** Another payment may have been asked for meanwhile: its key stays. */
function drop(key: string) {
  if (recall()?.key === key) keep(null);
}

let sending = false;

async function send(asked: Asked, approve?: Approve): Promise<Sale> {
  const body = { ...asked.payment, ...(approve ? { approve } : {}) };
  sending = true;
  try {
    return await settled(asked.key, api.post('api/ticket/pay', body, { key: asked.key }));
  } finally {
    sending = false;
  }
}

/** What became of a payment. Asking books nothing: the shopper may have left meanwhile. When there
    is no sale the agent refuses the key from then on, also to a request that is on its way. */
const look = (asked: Asked) => settled(asked.key, api.post('api/ticket/paid', { key: asked.key }));

/** A payment whose answer was lost. */
function open(): Asked | null {
  const asked = recall();
  if (!asked) return null;
  const mine = asked.register === desk.me?.register.code && asked.cashier === desk.me.cashier.code;
  if (!mine) keep(null);
  return mine ? asked : null;
}

/** At the start of the page and after the agent came back. */
export async function resume() {
  const asked = open();
  // A request that is under way answers for itself: asking about it would give it up.
  if (!asked || sending) return;
  try {
    paid(asked.ticket, await look(asked));
  } catch (cause) {
    if (!(cause instanceof Problem) || !refused(cause)) throw cause;
    // It was not booked, and the ticket is there to be paid, by a cashier who says so.
    desk.refusal = cause;
    play('blocked');
    alarm(said(cause));
  }
}

function paid(ticket: Ticket, sale: Sale) {
  desk.paid = { ticket, sale };
  desk.panel = null;
  desk.approving = null;
  desk.quoted = null;
  desk.putOff = [];
  desk.clearNotices();
  play('paid');
  alarm(sale.change.minor > 0 ? `${t.change} ${money(sale.change)}` : t.noChange);
}

/** The payment of what was told, with the key that it had before when it is the same one. */
function ask(ticket: Ticket, given_minor: number, before: Asked | null): Asked {
  // Written out: the agent's answers and its events give the parts of a sum in another order, and
  // the same payment must read the same.
  const { minor, currency } = ticket.total;
  const payment: Payment = {
    shown: { ticket: ticket.id, total: { minor, currency }, fingerprint: ticket.fingerprint },
    tenders: [{ kind: 'cash', given: { minor: given_minor, currency: desk.currency } }],
  };
  const same = JSON.stringify(before?.payment) === JSON.stringify(payment);
  const asked: Asked = {
    key: before && same ? before.key : newKey(),
    payment,
    ticket,
    register: desk.me?.register.code ?? '',
    cashier: desk.me?.cashier.code ?? '',
  };
  keep(asked);
  return asked;
}

/** Pays the told sum in cash. */
export async function payCash(given_minor: number, approve?: Approve): Promise<void> {
  const ticket = desk.quoted;
  if (!ticket || ticket.lines.length === 0) return;
  desk.drawerShut = false;
  try {
    const before = open();
    const asked = ask(ticket, given_minor, before);
    if (before && before.key !== asked.key) {
      // Another sum was asked for before, without an answer: it may have been booked.
      keep(before);
      const sale = await look(before).catch((cause) => {
        if (refused(cause)) return null;
        throw cause;
      });
      if (sale) {
        paid(before.ticket, sale);
        desk.take(await api.get<Ticket>('api/ticket'));
        return;
      }
      keep(asked);
    }
    paid(ticket, await send(asked, approve));
    desk.take(await api.get<Ticket>('api/ticket'));
  } catch (cause) {
    notPaid(cause, given_minor, approve !== undefined);
  }
}

function notPaid(cause: unknown, given_minor: number, approving: boolean) {
  if (!(cause instanceof Problem)) return fail(cause);
  switch (cause.code) {
    case 'ticket_changed':
      return changed(cause.fields.ticket as Ticket);
    case 'tender_too_small':
      play('blocked');
      alarm(t.tooSmall);
      desk.refusal = new Problem(422, cause.code, t.refusedTitle, t.tooSmall);
      return;
    case 'approval_needed':
      play('blocked');
      alarm(t.approvalTitle);
      desk.approving = given_minor;
      desk.panel = 'approve';
      return;
  }
  if (approving && !cause.unreachable && cause.code !== 'not_signed_in') {
    play('blocked');
    desk.refusal = cause; // a wrong PIN: the panel stays
    return;
  }
  fail(cause);
}

/** The agent has another ticket than the one that was told: the cashier tells the new sum. */
function changed(ticket: Ticket) {
  const gone = isGone(ticket);
  desk.take(ticket);
  desk.approving = null;
  if (gone) return tellGone();
  // What was told stays, so that the panel asks again.
  desk.panel = 'pay';
  play('blocked');
  alarm(t.ticketChanged(money(ticket.total)));
}

/** The ticket that was told is over: the register has an empty one now, or the next one. */
export function isGone(now: Ticket): boolean {
  return now.lines.length === 0 || now.id !== desk.quoted?.id;
}

/** Paid or void on another page. Nobody may be asked to pay it twice, and the next ticket is not
    what this shopper was told. */
export function tellGone() {
  desk.quoted = null;
  desk.approving = null;
  desk.panel = null;
  desk.refusal = new Problem(409, 'ticket_changed', t.refusedTitle, t.ticketGone, { gone: true });
  play('blocked');
  alarm(said(desk.refusal));
}
