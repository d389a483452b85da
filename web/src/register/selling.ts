// What a cashier does with the ticket. Every action asks the agent and takes its answer; actions on
// the ticket run one after the other, in the order of the scans and keys.
import type { Added, ItemHere, Line, PrintJob, Ticket } from '../shared/api/agent';
import { Problem, seg } from '../shared/api/http';
import { alarm, announce } from '../shared/announce.svelte';
import { money } from '../shared/format';
import { play } from '../shared/sound';
import { api, fail, lineAdded, notFound, weigh } from './agent';
import { desk } from './desk.svelte';
import { search } from './search';
import { t } from './strings';

const LARGEST_QUANTITY = 9999;

let queue: Promise<unknown> = Promise.resolve();

function inOrder(action: () => Promise<void>): Promise<void> {
  const next = queue.then(action).catch(fail);
  queue = next;
  return next;
}

/** `accept_expired`: the cashier was told that it is past its date. */
export function scan(code: string, accept_expired = false) {
  if (desk.phase !== 'sell') return;
  if (desk.paying) {
    desk.knocked = true;
    play('blocked');
    alarm(t.lockedWhilePaying);
    return;
  }
  return inOrder(async () => {
    try {
      take(await api.post<Added>('api/ticket/scan', { code, accept_expired }));
    } catch (cause) {
      if (!(cause instanceof Problem) || cause.code !== 'item_unknown') throw cause;
      search.clear();
      notFound(code, cause.fields.check_digit_ok !== false);
      return;
    }
    await multiply();
  });
}

export function addItem(item: ItemHere) {
  const { sku, name, unit } = item;
  const scale = desk.agent?.scale.state ?? 'none';
  if (unit === 'gram' && scale !== 'none') return weighNow(sku);
  if (unit !== 'each') return weigh({ sku, name, unit, scale: '' });
  const quantity = desk.times;
  desk.times = 1;
  return addUnits(sku, quantity);
}

/** As much of an item as lies on the scale; when it gives no weight, the cashier is asked. */
export function weighNow(sku: string) {
  return inOrder(async () => take(await api.post<Added>('api/ticket/weigh', { sku })));
}

/** So much of an item, in its unit. */
export function addUnits(sku: string, quantity: number) {
  return inOrder(async () => {
    const answer = await api.post<Added | { ticket: Ticket }>('api/ticket/lines', {
      sku,
      quantity,
    });
    const known = 'added' in answer ? answer.added : answer.ticket.lines.at(-1)?.id;
    lineAdded(answer.ticket, known ?? '');
    if ('item' in answer && answer.item) desk.item = answer.item;
    else await showItem(sku);
  });
}

function take(answer: Added) {
  lineAdded(answer.ticket, answer.added);
  desk.item = answer.item;
  desk.says = answer.says && { sku: answer.item.sku, says: answer.says };
}

/** Applies a quantity that was typed before the scan. */
async function multiply() {
  const times = desk.times;
  desk.times = 1;
  if (times > 1 && desk.line?.unit === 'each') await patch(desk.line, desk.line.quantity - 1 + times);
}

async function patch(line: Line, quantity: number) {
  const path = `api/ticket/lines/${seg(line.id)}`;
  const answer = await api.patch<{ ticket: Ticket }>(path, { quantity });
  desk.take(answer.ticket);
  desk.selected = line.id;
  announce(t.added(line.name, String(quantity), money(answer.ticket.total)));
  await showItem(line.sku);
}

export function setQuantity(line: Line, quantity: number) {
  if (quantity < 1 || quantity > LARGEST_QUANTITY) return;
  return inOrder(() => patch(line, quantity));
}

/** The stepper reads the line again inside the queue, so that quick presses add up. */
export function step(id: string, by: number) {
  return inOrder(async () => {
    const line = desk.lines.find((l) => l.id === id);
    if (line?.unit === 'each' && line.quantity + by >= 1) await patch(line, line.quantity + by);
  });
}

export function voidLine(line: Line) {
  return inOrder(async () => {
    const path = `api/ticket/lines/${seg(line.id)}`;
    const answer = await api.delete<{ ticket: Ticket }>(path);
    desk.selected = null;
    desk.take(answer.ticket);
    announce(t.lineVoided(line.name));
    if (desk.line) await showItem(desk.line.sku);
    else desk.item = null;
  });
}

export function voidTicket() {
  return inOrder(async () => {
    const answer = await api.delete<{ ticket: Ticket }>('api/ticket');
    desk.take(answer.ticket);
    desk.item = null;
    desk.panel = null;
    announce(t.ticketVoided);
  });
}

/** Fills the card; the figures of other places are asked again while it is shown. */
export async function showItem(sku: string) {
  const item = await api.get<ItemHere>(`api/items/${seg(sku)}/here`);
  if (!desk.line || desk.line.sku === sku) desk.item = item;
}

export function selectLine(line: Line) {
  if (desk.locked) return;
  desk.clearNotices();
  desk.select(line);
  void showItem(line.sku).catch(fail);
}

export function nextSale() {
  desk.paid = null;
  desk.drawerShut = false;
  desk.item = null;
  desk.clearNotices();
  search.clear();
}

/** True when the agent has taken it: only then it prints. */
export async function reprint(receipt_number: string): Promise<boolean> {
  try {
    await api.post(`api/sales/${seg(receipt_number)}/reprint`);
    announce(t.reprinted(receipt_number));
    return true;
  } catch (cause) {
    fail(cause);
    return false;
  }
}

export async function answerPrint(id: string, came_out: boolean) {
  try {
    const job = await api.post<PrintJob>(`api/print-jobs/${seg(id)}/answer`, { came_out });
    desk.takeJob(job);
    announce(t.printWord[job.state] ?? '');
  } catch (cause) {
    fail(cause);
  }
}

/** A receipt that waits is not wanted on paper. */
export async function skipPrint(id: string) {
  try {
    desk.takeJob(await api.post<PrintJob>(`api/print-jobs/${seg(id)}/skip`));
    announce(t.jobSkipped);
  } catch (cause) {
    fail(cause);
  }
}

export async function openDrawer(reason: string) {
  try {
    await api.post('api/no-sale', { reason });
    desk.panel = null;
    announce(t.drawerOpened);
  } catch (cause) {
    fail(cause);
  }
}

/** Enter on what is typed: the chosen item of the list, or the number as a barcode. */
export async function enterQuery() {
  const text = desk.query.trim();
  if (!text) return;
  const chosen = desk.results?.[desk.highlighted];
  if (/^\d{6,}$/.test(text) && !chosen) return scan(text);
  if (chosen) return addItem(chosen);
  await search.settle();
  const found = desk.results ?? [];
  if (found.length === 1) return addItem(found[0]);
  if (found.length === 0 && /^\d+$/.test(text)) return scan(text);
}

/** Digits, then `*`: the quantity of the selected line, or of the item that comes next. */
export function multiplyTyped(): boolean {
  const text = desk.query.trim();
  if (!/^\d{1,4}$/.test(text) || Number(text) < 1) return false;
  const quantity = Number(text);
  search.clear();
  if (desk.line?.unit === 'each' && !desk.paid) void setQuantity(desk.line, quantity);
  else desk.times = quantity;
  return true;
}
