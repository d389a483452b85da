// What the display knows: the register's ticket as the agent last showed it, and whether this browser
// is a display at all. It asks for nothing else and can do nothing.
import type { Shown } from '../shared/api/agent';
import { announce } from '../shared/announce.svelte';
import { Api, Problem } from '../shared/api/http';
import { money } from '../shared/format';
import { connect, type Socket } from '../shared/socket';
import { t } from './strings';

type State = 'starting' | 'none' | 'ended' | 'away' | 'showing';

/** How long the thanks stay when nobody comes next. */
const THANKS_MS = 20_000;
/** The agent pings every 20 s, which a page does not see; the socket's end is what it sees. */
const SILENCE_MS = null;
const LOOK_AGAIN_MS = 2000;

const api = new Api(new URL('./', location.href));

class Screen {
  state = $state<State>('starting');
  shown = $state.raw<Shown | null>(null);
  thanks = $state(false);
  private timer: ReturnType<typeof setTimeout> | undefined;

  take(shown: Shown) {
    this.shown = shown;
    this.state = 'showing';
    clearTimeout(this.timer);
    this.thanks = shown.paid !== null;
    if (shown.paid) {
      announce(`${t.thanks}. ${t.change} ${money(shown.paid.change)}`);
      this.timer = setTimeout(() => (this.thanks = false), THANKS_MS);
    } else if (shown.total) announce(`${t.total} ${money(shown.total)}`);
  }
}

export const screen = new Screen();

let socket: Socket | null = null;
let again: ReturnType<typeof setTimeout> | undefined;

function follow() {
  socket?.close();
  socket = connect(
    api.socket('api/display/events'),
    {
      message: (m) => screen.take(m as Shown),
      lost: () => void look(),
      ended: () => (screen.state = 'ended'),
    },
    SILENCE_MS,
  );
}

/** Whether this browser may look; a display that was ended does not ask for ever. */
async function look() {
  if (screen.state === 'ended') return;
  try {
    screen.take(await api.get<Shown>('api/display'));
  } catch (cause) {
    if (!(cause instanceof Problem) || cause.status !== 401) {
      screen.state = screen.shown ? 'away' : 'starting';
      clearTimeout(again);
      again = setTimeout(() => void look(), LOOK_AGAIN_MS);
      return;
    }
    screen.state = screen.shown ? 'ended' : 'none';
    socket?.close();
    socket = null;
    return;
  }
  if (!socket) follow();
}

/** A key in the address makes this browser the display. It is good once, so it does not stay. */
async function claim() {
  const key = new URLSearchParams(location.hash.slice(1)).get('key');
  if (!key) return;
  history.replaceState(null, '', location.pathname + location.search);
  // A key that was used, by a reload perhaps: the cookie says whether this is the display.
  await api.post('api/display/claim', { key }).catch(() => {});
}

export function begin() {
  void claim().then(look);
}
