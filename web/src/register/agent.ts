// The page's line to its agent: where it is, what it pushes, and what a failure of it means here.
import type { AgentEvent, AgentState, Ticket } from '../shared/api/agent';
import { Api, asProblem, Problem } from '../shared/api/http';
import { announce, alarm } from '../shared/announce.svelte';
import { money } from '../shared/format';
import { play } from '../shared/sound';
import { connect, type Socket } from '../shared/socket';
import { desk, type Weighing } from './desk.svelte';
import { hardware } from './hardware.svelte';
import { isGone, resume, tellGone } from './paying';
import { said } from './said';
import { search } from './search';
import { t } from './strings';
import { view } from './view';
import { scan } from './selling';

export const api = new Api(new URL('./', location.href));

/** The agent pings nobody; the browser notices a dead process by the closed socket. */
const SILENCE_MS = null;

/** Brings a failure to where the cashier sees it; answers true when it was handled fully. */
export function fail(cause: unknown) {
  const problem = asProblem(cause);
  if (problem.code === 'aborted') return;
  if (problem.unreachable) {
    desk.agentGone = true;
    return;
  }
  if (problem.status === 401 && desk.phase !== 'sign_in') {
    desk.phase = 'sign_in';
    desk.me = null;
    return;
  }
  if (problem.code === 'cash_session_closed') {
    desk.phase = 'float';
    return;
  }
  if (problem.code === 'lot_expired' || problem.code === 'weight_needed') {
    stopped(problem);
    return;
  }
  if (problem.code.startsWith('scanner_')) {
    hardware.learned(problem);
    return;
  }
  if (problem.code === 'item_unknown') {
    notFound(desk.query, problem.fields.check_digit_ok !== false);
    return;
  }
  desk.refusal = problem;
  play('blocked');
  alarm(said(problem));
}

/** A scan that needs a word of the cashier before it becomes a line. */
function stopped({ code, fields }: Problem) {
  const text = (name: string) => (typeof fields[name] === 'string' ? (fields[name] as string) : '');
  desk.clearNotices();
  search.clear();
  play('blocked');
  if (code === 'weight_needed') {
    const unit = fields.unit === 'millilitre' ? 'millilitre' : 'gram';
    weigh({ sku: text('sku'), name: text('name'), unit, scale: text('scale') });
    return;
  }
  if (!desk.paying) desk.panel = null;
  desk.expired = {
    name: text('name'), until: text('until'), lot: text('lot'), code: text('code_scanned'),
  };
  alarm(t.expiredTitle(desk.expired.name));
}

/** Asks how much of an item it is. */
export function weigh(what: Weighing) {
  if (desk.paying) return;
  desk.paid = null;
  desk.weighing = what;
  desk.panel = 'weigh';
  alarm(t.scaleWhy[what.scale] ?? `${t.weighTitle} ${t.weighWhy(what.name)}`);
}

export function notFound(code: string, check_digit_ok: boolean) {
  desk.clearNotices();
  desk.panel = desk.paying || desk.panel === 'devices' ? desk.panel : null;
  desk.notFound = { code, check_digit_ok };
  play('not_found');
  alarm(`${t.misreadTitle}. ${code} ${check_digit_ok ? t.unknownCode : t.misread}`);
}

/** A line came onto the ticket, by the page's scan or by the serial scanner. */
export function lineAdded(ticket: Ticket, added: string) {
  desk.clearNotices();
  desk.paid = null;
  desk.drawerShut = false;
  // Who looks at the devices goes on looking: a scan may be a test of the scanner.
  if (!desk.paying && desk.panel !== 'devices') desk.panel = null;
  const gone = desk.paying && isGone(ticket);
  desk.take(ticket, added);
  search.clear();
  if (gone) return tellGone();
  play('added');
  const line = ticket.lines.find((l) => l.id === added);
  if (line) announce(t.added(line.name, String(line.quantity), money(ticket.total)));
}

function takeState(state: AgentState) {
  desk.agent = state;
  if (!state.enrolled) desk.phase = 'not_enrolled';
  else if (desk.phase === 'not_enrolled') void start();
}

function take(event: AgentEvent) {
  if (desk.phase === 'sell' && view()?.heard(event)) return;
  switch (event.kind) {
    case 'state':
      return takeState(event);
    case 'line':
      if (desk.phase !== 'sell') return;
      lineAdded(event.ticket, event.added);
      desk.item = event.item;
      desk.says = event.says && { sku: event.item.sku, says: event.says };
      return;
    case 'ticket':
      return desk.take(event.ticket);
    case 'not_found':
      if (desk.phase === 'sell') notFound(event.code, event.check_digit_ok);
      return;
    case 'scan_refused':
      // A stock view that is gone wanted it; here scans sell.
      if (desk.phase === 'sell' && event.problem === 'scan_looked_at')
        void api.delete('api/scanner/look').then(() => scan(event.code), fail);
      else if (desk.phase === 'sell')
        fail(new Problem(409, event.problem, '', event.detail, event.fields ?? {}));
      return;
    case 'devices':
      void hardware.changed();
      return;
    case 'drawer_not_opened':
      desk.drawerShut = true;
      play('blocked');
      alarm(`${t.drawerShutTitle}. ${t.drawerShut}`);
      return;
    case 'printed':
      return desk.takeJob(event.job);
  }
}

let reading = 0;

/** Reads everything again: at the start, after sign-in, and when the agent came back. */
export async function start() {
  reading += 1;
  try {
    takeState(await api.get<AgentState>('api/state'));
    desk.agentGone = false;
    if (desk.phase === 'not_enrolled') return;
    desk.staff = (await api.get<{ staff: typeof desk.staff }>('api/staff')).staff;
    const me = await api.get<NonNullable<typeof desk.me>>('api/me').catch((cause) => {
      if (cause instanceof Problem && cause.status === 401) return null;
      throw cause;
    });
    desk.me = me;
    if (!me) desk.phase = 'sign_in';
    else await enter();
  } catch (cause) {
    // There is no screen yet that a fault of the agent could be told on: it is tried again.
    if (desk.phase !== 'starting' || asProblem(cause).status < 500) fail(cause);
  } finally {
    reading -= 1;
  }
}

/** Behind the sign-in: the float first, then the ticket as the agent has it. */
export async function enter() {
  // The socket made before the sign-in does not belong to this cashier's register.
  if (!socketIsOurs) follow();
  if (!desk.me?.cash_session) {
    desk.phase = 'float';
    return;
  }
  // A payment whose answer was lost: the sale before the ticket, which is the next one then. When
  // the agent cannot say it now, that is told and selling goes on: the next payment asks again.
  await resume().catch(fail);
  if (!desk.me) return;
  desk.take(await api.get<Ticket>('api/ticket'));
  desk.jobs = (await api.get<{ jobs: typeof desk.jobs }>('api/print-jobs?limit=20')).jobs;
  desk.phase = 'sell';
}

const LOOK_AGAIN_MS = 2000;

let socket: Socket | null = null;
let socketOpen = false;
let socketIsOurs = false;

/** Without the socket the page looks by itself whether the agent is there; also after a request
    that nobody answered, for the socket may have outlived it, and when a start came to nothing. */
async function look() {
  const unread = desk.agentGone || (desk.phase === 'starting' && reading === 0);
  if (socketOpen && !unread) return;
  try {
    const state = await api.get<AgentState>('api/state');
    if (unread) await start();
    else takeState(state);
  } catch (cause) {
    fail(cause);
  }
}

export function forgetSession() {
  socketIsOurs = false;
}

export function follow() {
  socket?.close();
  socketIsOurs = desk.me !== null;
  let again = false;
  socket = connect(
    api.socket('api/events'),
    {
      open: () => {
        socketOpen = true;
        if (again) void start();
        again = true;
      },
      message: (m) => take(m as AgentEvent),
      lost: () => {
        socketOpen = false;
        again = true;
        void look();
      },
    },
    SILENCE_MS,
  );
}

/** Starts the page's work with the agent, for as long as the page is open. */
export function begin() {
  void start();
  follow();
  setInterval(() => void look(), LOOK_AGAIN_MS);
}
