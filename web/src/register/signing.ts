// Who sells at which register, and with what in the drawer. The PIN goes to the agent and nowhere
// else; the page keeps only which register this device was last.
import type { CashSession, Me } from '../shared/api/agent';
import { asProblem } from '../shared/api/http';
import { alarm } from '../shared/announce.svelte';
import { recall, remember } from '../shared/locale';
import { play } from '../shared/sound';
import { api, enter, fail, forgetSession } from './agent';
import { desk } from './desk.svelte';
import { said } from './said';
import { t } from './strings';

export function lastRegister(): string | null {
  return recall('register');
}

/** Answers what was wrong, or null when the cashier is in. */
export async function signIn(register: string, staff: string, pin: string): Promise<string | null> {
  try {
    desk.me = await api.post<Me>('api/sign-in', { register, staff, pin });
    remember('register', register);
    await enter();
    return null;
  } catch (cause) {
    const problem = asProblem(cause);
    if (problem.unreachable) {
      fail(problem);
      return t.goneTitle;
    }
    play('blocked');
    const why = said(problem);
    alarm(why);
    return why;
  }
}

export async function signOut() {
  try {
    await api.post('api/sign-out');
  } catch (cause) {
    if (asProblem(cause).status !== 401) return fail(cause);
  }
  forgetSession();
  desk.menu = false;
  desk.panel = null;
  desk.me = null;
  desk.paid = null;
  desk.item = null;
  desk.phase = 'sign_in';
}

export async function openCashSession(minor: number): Promise<void> {
  try {
    const opening_float = { minor, currency: desk.currency };
    const session = await api.post<CashSession>('api/cash-sessions', { opening_float });
    if (desk.me) desk.me = { ...desk.me, cash_session: session };
    await enter();
  } catch (cause) {
    fail(cause);
  }
}
