// What the set-up page has read from the hub, and how it reads and changes it. Owns the session;
// draws nothing. Every change is the same command as on the command line.
import { Api, asProblem, seg } from '../shared/api/http';
import type {
  Agent, Key, Location, Policy, Register, Session, Shop, Staff,
} from '../shared/api/types';

export type Section =
  | 'overview' | 'shop' | 'locations' | 'stores' | 'people' | 'agents' | 'items' | 'transfers'
  | 'policies' | 'channels' | 'keys';

const sections: Section[] = [
  'overview', 'shop', 'locations', 'stores', 'people', 'agents', 'items', 'transfers', 'policies',
  'channels', 'keys',
];

const hub = new URL('../', location.href);
let api = new Api(hub);
export const theApi = () => api;

class Office {
  session = $state.raw<Session | null>(null);
  ready = $state(false);
  down = $state(false);
  section = $state<Section>('overview');
  shop = $state.raw<Shop | null>(null);
  locations = $state.raw<Location[]>([]);
  registers = $state.raw<Register[]>([]);
  staff = $state.raw<Staff[]>([]);
  agents = $state.raw<Agent[]>([]);
  keys = $state.raw<Key[]>([]);
  policies = $state.raw<Policy[]>([]);
  hasItems = $state(false);

  stores = $derived(this.locations.filter((l) => l.kind === 'store' && l.state !== 'retired'));
  nameOf(code: string): string {
    return this.locations.find((l) => l.code === code)?.name ?? code;
  }
}

export const office = new Office();

type Page<T> = Record<string, T[]> & { next_cursor?: string | null };

const list = <T>(page: Page<T>, name: string): T[] => page[name] ?? [];

/** All rows of a list, page after page. */
async function read<T>(path: string, name: string): Promise<T[]> {
  const rows: T[] = [];
  let behind = '';
  for (;;) {
    const page: Page<T> = await api.get<Page<T>>(`${path}?limit=500${behind}`);
    rows.push(...list(page, name));
    if (!page.next_cursor) return rows;
    behind = `&cursor=${seg(page.next_cursor)}`;
  }
}

export async function readShop() {
  office.shop = await api.get<Shop>('v1/shop');
}
export async function readLocations() {
  office.locations = await read<Location>('v1/locations', 'locations');
}
export async function readRegisters() {
  office.registers = await read<Register>('v1/registers', 'registers');
}
export async function readStaff() {
  office.staff = await read<Staff>('v1/staff', 'staff');
}
export async function readAgents() {
  office.agents = await read<Agent>('v1/agents', 'agents');
}
export async function readKeys() {
  office.keys = await read<Key>('v1/keys', 'keys');
}
export async function readPolicies() {
  office.policies = await read<Policy>('v1/policies', 'policies');
}
export async function readHasItems() {
  const first = await api.get<Page<unknown>>('v1/items?limit=1');
  office.hasItems = list(first, 'items').length > 0;
}

async function readAll() {
  const all = [
    readShop, readLocations, readRegisters, readStaff, readAgents, readKeys, readPolicies,
    readHasItems,
  ];
  const answers = await Promise.allSettled(all.map((f) => f()));
  const failed = answers.find((a) => a.status === 'rejected');
  if (failed?.status === 'rejected') noteFailure(failed.reason);
}

/** A session that ended leads back to the sign-in; a silent hub is said on top of the page. */
export function noteFailure(cause: unknown) {
  const problem = asProblem(cause);
  if (problem.status === 401) office.session = null;
  office.down = problem.unreachable;
}

export async function open() {
  readSection();
  addEventListener('hashchange', readSection);
  try {
    office.session = await api.get<Session>('v1/session');
    await readAll();
  } catch (cause) {
    noteFailure(cause);
  }
  office.ready = true;
}

function readSection() {
  const wanted = location.hash.replace(/^#\/?/, '') as Section;
  office.section = sections.includes(wanted) ? wanted : 'overview';
}

export async function signIn(secret: string) {
  await api.post('v1/session', { secret });
  try {
    office.session = await api.get<Session>('v1/session');
  } catch (cause) {
    if (asProblem(cause).status !== 401) throw cause;
    // The browser kept no cookie (plain HTTP off loopback): the secret stays in memory alone.
    api = new Api(hub, { authorization: `Bearer ${secret}` });
    office.session = await api.get<Session>('v1/session');
  }
  office.down = false;
  await readAll();
}

export async function signOut() {
  await api.delete('v1/session').catch(noteFailure);
  api = new Api(hub);
  office.session = null;
}

/** Saves a file of the hub under a name. */
export async function download(path: string, name: string) {
  const url = URL.createObjectURL(await api.file(path));
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** States of links age: they are asked again while they are on the page. */
export function followAgents(): () => void {
  const timer = setInterval(() => {
    if (document.visibilityState !== 'visible') return;
    Promise.all([readAgents(), readLocations()]).then(() => (office.down = false), noteFailure);
  }, 2500);
  return () => clearInterval(timer);
}

export function linkTone(link: string): 'ok' | 'warn' | 'stop' | 'none' {
  if (link === 'fresh' || link === 'live') return 'ok';
  if (link === 'stale' || link === 'catching_up') return 'warn';
  return link === 'dark' || link === 'offline' || link === 'revoked' ? 'stop' : 'none';
}

/** The path of a policy: its kind, then what it is about, in the hub's order. */
export function policyPath(policy: Omit<Policy, 'quantity' | 'version' | 'rule'>): string {
  const parts = {
    share: [policy.location, policy.sku],
    safety: [policy.sku, policy.location],
    buffer: [policy.sku, policy.channel],
  }[policy.kind];
  return `v1/policies/${policy.kind}/${parts.map((p) => seg(p ?? '')).join('/')}`;
}
