// The real programs of a small shop: hub, demo world (devices and lines), two agents.
// It owns the processes and a temporary folder; it knows no page. Whatever happens, all of them are
// gone afterwards.
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const READY_MS = 60_000;
const bin = process.env.ONESHELF_BIN ?? new URL('../../target/debug', import.meta.url).pathname;
const running = [];

function begin(name, args, folder, variables = {}) {
  const env = { ...process.env, ...variables };
  const child = spawn(join(bin, name.program), args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  const log = createWriteStream(join(folder, `${name.log}.log`), { flags: 'a' });
  child.stderr.pipe(log);
  return child;
}

/** Starts a program that stays; gives its first line. */
async function start(program, log, args, folder, variables) {
  const child = begin({ program, log }, args, folder, variables);
  running.push(child);
  const lines = createInterface({ input: child.stdout });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${log} was not ready in time`)), READY_MS);
    child.once('exit', (code) => reject(new Error(`${log} ended early (${code}); see ${folder}`)));
    lines.once('line', (line) => {
      clearTimeout(timer);
      resolve(line);
    });
  });
}

/** Runs a program to its end; gives what it printed. */
async function once(program, args, folder) {
  const child = begin({ program, log: `${program}-once` }, args, folder);
  let text = '';
  child.stdout.on('data', (part) => (text += part));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${program} ${args[0]} failed (${code}); see ${folder}`);
  return text;
}

const address = (line, at = 0) => line.match(/http:\/\/[0-9.:]+/g)[at];

async function ask(base, secret, method, path, body) {
  const answer = await fetch(base + path, {
    method,
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  const json = text ? JSON.parse(text) : null;
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return json;
}

export const PINS = { ana: '4711', maeve: '471108', tom: '1147' };
const STORES = [
  { code: 'S07', name: 'Quay Street', registers: ['R1', 'R2'], staff: [['ana', 'Ana', 'cashier'], ['maeve', 'Maeve', 'manager']] },
  { code: 'S02', name: 'Patrick Street', registers: ['R1'], staff: [['tom', 'Tom', 'cashier']] },
];

/** Opens the shop: gives addresses, the admin secret and a way to ask the hub. */
export async function open() {
  const folder = mkdtempSync(join(tmpdir(), 'oneshelf-e2e-'));
  const database = `sqlite:${join(folder, 'hub.sqlite')}`;
  const data = (name) => {
    mkdirSync(join(folder, name));
    return join(folder, name);
  };
  const said = await once('hub', ['setup', '--database', database, '--name', 'Harbour Goods',
    '--currency', 'EUR', '--zone', 'Europe/Dublin', '--location', 'W01', '--location-name', 'Naas',
    '--location-kind', 'warehouse', '--tax-rate', '2300', '--tax-name', 'VAT 23%'], folder);
  const secret = said.match(/osa_\S+/)[0];
  const line = await start('hub', 'hub', ['serve', '--database', database, '--data', data('hub'),
    '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'], folder,
  // All shoppers of these tests come from one address.
  { HUB_REQUESTS_PER_ADDRESS: '2000' });
  const hub = address(line);
  const put = (path, body) => ask(hub, secret, 'PUT', path, body);
  for (const store of STORES) {
    await put(`/v1/locations/${store.code}`, { name: store.name, kind: 'store', zone: 'Europe/Dublin',
      address: `12 ${store.name}`, receipt_header: ['Harbour Goods', `12 ${store.name}`] });
    for (const code of store.registers) await put(`/v1/registers/${store.code}/${code}`, { name: `Register ${code}` });
    for (const [code, name, role] of store.staff) {
      await put(`/v1/staff/${code}`, { name, role, locations: [store.code], pin: PINS[code] });
    }
  }
  const world = JSON.parse(await start('demo-world', 'world', ['--hub', hub, '--quiet',
    '--store', 'S07=Quay Street', '--store', 'S02=Patrick Street', '--data', data('world')], folder,
  { HUB_SECRET: secret }));
  const agents = {};
  const move = (store, what, body) => ask(world.bench, '', 'POST', `/bench/stores/${store}/${what}`, body);
  for (const { code } of STORES) {
    agents[code] = await openAgent(code, world, secret, folder, data);
    await move(code, 'register', { url: agents[code] });
  }
  return { hub, admin: address(line, 1), secret, bench: world.bench, agents, folder, move,
    ask: (method, path, body) => ask(hub, secret, method, path, body) };
}

async function openAgent(code, world, secret, folder, data) {
  const devices = world.stores[code];
  const own = data(`agent-${code}`);
  const enrolment = await ask(devices.hub, secret, 'POST', '/v1/enrolments', { location: code });
  await once('pos-agent', ['enrol', '--data', own, '--hub', devices.hub, '--code', enrolment.code], folder);
  const line = await start('pos-agent', `agent-${code}`, ['serve', '--data', own, '--hub', devices.hub,
    '--listen', '127.0.0.1:0', '--printer', devices.printer, '--scanner', devices.scanner], folder);
  return address(line);
}

/** Devices and lines as they should be, whatever a scenario did. */
export async function rest(shop) {
  for (const { code } of STORES) {
    await shop.move(code, 'line', { up: true });
    await shop.move(code, 'printer', { paper: 'ok', cover: 'closed' });
  }
}

/** Ends every program, the last one first; keeps the logs when something failed. */
export async function close(shop, keep) {
  for (const child of running.reverse()) {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await new Promise((resolve) => (child.exitCode === null ? child.once('exit', resolve) : resolve()));
      clearTimeout(timer);
    }
  }
  if (!shop) return;
  if (keep) console.log(`# logs are kept in ${shop.folder}`);
  else rmSync(shop.folder, { recursive: true, force: true });
}
