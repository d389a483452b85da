// A stand-in for the hub, enough of its contract to drive the shop and the set-up page.
import { WebSocketServer } from 'ws';
import { items, others, shelf, stores } from './catalogue.mjs';
import { channelRoutes } from './mock-channels.mjs';
import { factRoutes } from './mock-facts.mjs';
import { transferRoutes } from './mock-transfers.mjs';
import { Refused, serve } from './web.mjs';

const soon = (minutes) => new Date(Date.now() + minutes * 60_000).toISOString();

const columns = ['sku', 'name', 'barcode', 'price', 'tax', 'category', 'options', 'image', 'brand',
  'unit', 'state'];
const theirs = { sku: 'Artikelnr', name: 'Bezeichnung', barcode: 'EAN', price: 'VK' };

/** What the hub says of the beginning of a file. */
function preview(csv, asked) {
  const [first, ...lines] = csv.trim().split('\n');
  const delimiter = first.includes(';') ? ';' : ',';
  const header = first.split(delimiter);
  const plain = !asked.has('columns') && header.every((h) => columns.includes(h));
  const named = columns.map((c) => [c, header.includes(c) ? c : theirs[c]]);
  const mapping = asked.has('columns') ? JSON.parse(asked.get('columns'))
    : Object.fromEntries(named.filter(([, h]) => header.includes(h)));
  const missing = mapping.sku && mapping.name ? null : 'the first row must name the column name';
  const decimal = asked.get('decimal') ?? (delimiter === ';' ? 'comma' : 'point');
  const row = (line, n) => {
    const cells = line.split(delimiter);
    const cell = (column) => cells[header.indexOf(mapping[column])] ?? null;
    if (n % 5 === 4) return { row: n + 2, cells, effect: 'left_out', changes: [],
      error: { row: n + 2, code: 'price_malformed', detail: 'the price "12,5 0" is not an amount like 12,50' } };
    const effect = ['new', 'change', 'same', 'change'][n % 4];
    const changes = ['name', 'price', 'barcode'].filter((c, i) => cell(c) && (effect === 'new' || i === n % 2))
      .map((column) => ({ column, before: effect === 'new' ? null : column === 'price' ? '11,90' : 'Kettle',
        after: cell(column) }));
    return { row: n + 2, cells, effect, changes: effect === 'same' ? [] : changes, error: null };
  };
  return { header, delimiter, decimal, columns, needed: ['sku', 'name'], mapping, plain, name: null,
    source: asked.has('columns') ? 'asked' : 'names', missing,
    rows: missing ? [] : lines.slice(0, 8).map(row) };
}

export async function hub(port, world) {
  let version = 100;
  let signedIn = false;
  let shop = {
    name: 'Harbour Goods', currency: 'EUR', zone: 'Europe/Dublin', default_tax: 'standard',
    taxes: [{ class: 'standard', rate_basis_points: 2300, name: 'VAT 23%' },
      { class: 'reduced', rate_basis_points: 1350, name: 'VAT 13.5%' }],
  };
  const locations = [...stores, ...others].map((s) => ({
    ...s, zone: 'Europe/Dublin', address: `12 ${s.name}`, receipt_header: ['Harbour Goods', s.name],
    opening_hours: null, state: 'active',
    link: { S07: 'fresh', S02: 'stale', S03: 'dark' }[s.code] ?? 'none',
  }));
  let registers = [
    { location: 'S07', code: 'R1', name: 'Register 1' },
    { location: 'S07', code: 'R2', name: 'Register 2' },
    { location: 'S02', code: 'R1', name: 'Register 1' },
  ];
  let staff = [
    { code: 'ana', name: 'Ana Murphy', role: 'cashier', locations: ['S07'] },
    { code: 'sile', name: 'Síle Brady', role: 'manager', locations: ['S07', 'S02'] },
  ];
  let keys = [{ id: 'key_1', name: 'Shop page', kind: 'publishable', scopes: ['hold', 'live'],
    origins: ['http://127.0.0.1:8080'], channel: 'web', display: { kind: 'exact', cap: 10 } }];
  let agents = [
    { id: 'agt_1', location: 'S07', name: 'quay-1', state: 'active', last_answer_age_ms: 210,
      link: 'fresh' },
    { id: 'agt_2', location: 'S02', name: 'patrick-1', state: 'active', last_answer_age_ms: 48_000,
      link: 'stale' },
    { id: 'agt_3', location: 'S03', name: 'exchequer-1', state: 'active',
      last_answer_age_ms: 4_320_000, link: 'dark' },
  ];
  const copies = [
    { life: 'inc_0192b3c4d5e67f8090a1b2c3d4e5f617', location: 'S07', agent: 'agt_1', since: soon(-6),
      state: 'waiting', link: 'fresh' },
    { life: 'inc_0192b3c4d5e67f8090a1b2c3d4e5f618', location: 'S02', agent: 'agt_2',
      since: soon(-700), state: 'refused', link: 'stale' },
    { life: 'inc_0192b3c4d5e67f8090a1b2c3d4e5f619', location: 'S03', agent: 'agt_3',
      since: soon(-2000), state: 'allowed', link: 'dark' },
  ];
  const retired = new Set();
  const standings = () => Object.fromEntries(locations.filter((l) => l.kind === 'store').map((l) => {
    const of = (units, kinds) => ({ units, items: kinds });
    const silent = l.link !== 'fresh' && l.link !== 'none';
    const gone = retired.has(l.code);
    const share = gone || l.link === 'none' ? of(0, 0) : of(37, 12);
    const promised = l.link === 'none' ? of(0, 0) : of(4, 4);
    const in_doubt = gone ? of(37, 12) : of(0, 0);
    const short = l.link === 'stale' ? of(1, 1) : of(0, 0);
    const codes = [short.units && 'short', l.link === 'dark' && 'pickup_stopped',
      silent && share.units && 'share_silent', silent && promised.units && 'promised_before',
      l.link === 'stale' && 'recovering', in_doubt.units && 'in_doubt'].filter(Boolean);
    const ago = { fresh: 200, stale: 48_000, dark: 4_320_000 }[l.link];
    return [l.code, { location: l.code, name: l.name, link: l.link,
      recovering: l.link === 'stale',
      unknown_agents: [], untold_channels: l.link === 'stale' ? ['web'] : [],
      untold_agents: l.link === 'stale' ? ['Back office (agt_0192b3c4d5e6f708090a0b0c0d0e0f10)'] : [],
      last_answer_at: ago ? new Date(Date.now() - ago).toISOString() : null,
      waiting_facts: ago ? 0 : null, share, promised, reservations: promised.units && 3, in_doubt,
      short, discrepancy: of(0, 0), risks: codes.map((code) => ({ code, text: code })),
      incarnation: gone || l.link === 'none' ? null : 'inc_1' }];
  }));
  let policies = [{ kind: 'share', location: 'S07', sku: '*', quantity: 2 },
    { kind: 'safety', location: 'S07', sku: 'LA-400-CLY', quantity: 1 }];
  const imports = new Map();
  const holds = new Map();

  const stockOf = (sku) => {
    const at = stores.map((s) => {
      const stale = s.code === (world.staleStore ?? 'S03');
      const n = shelf.get(`${sku}@${s.code}`) ?? 0;
      return { location: s.code, name: s.name, kind: s.kind,
        shown: { kind: 'exact', count: Math.min(10, n), more: n > 10 },
        state: stale ? 'stale' : 'fresh', as_of: stale ? soon(-22) : soon(0) };
    });
    const total = at.reduce((sum, a) => sum + a.shown.count, 0);
    const shown = { kind: 'exact', count: Math.min(10, total), more: total > 10 };
    return { sku, total: shown, locations: at };
  };
  const sockets = new Map();
  const changed = (sku) => {
    const after = version;
    version += 1;
    for (const [socket, wanted] of sockets) {
      const list = wanted.includes(sku) ? [stockOf(sku)] : [];
      socket.send(JSON.stringify({ kind: 'changes', after, upto: version, items: list }));
    }
  };
  world.sell = (sku, location, units) => {
    const key = `${sku}@${location}`;
    shelf.set(key, Math.max(0, (shelf.get(key) ?? 0) - units));
    changed(sku);
  };
  const need = () => {
    if (!signedIn) throw new Refused(401, 'not_signed_in', 'Sign in first.');
  };
  const listed = (url) => {
    const text = (url.searchParams.get('search') ?? '').toLowerCase();
    const limit = Number(url.searchParams.get('limit') ?? 50);
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const hit = (i) => `${i.name} ${i.sku} ${i.options} ${i.barcode}`.toLowerCase().includes(text);
    const all = items.filter(hit);
    return { items: all.slice(from, from + limit),
      next_cursor: from + limit < all.length ? String(from + limit) : null };
  };
  const full = (i) => ({ ...i, barcodes: [i.barcode], unit: 'each', tax: 'standard',
    state: 'active', version: 1, components: i.components ?? [] });

  const routes = [
    ...channelRoutes(),
    ...transferRoutes(world),
    ['GET', /^\/v1\/time$/, () => ({ now: soon(0), hub_id: 'hub_1', hub_epoch: 1 })],
    ['GET', /^\/v1\/public\/config$/, () => ({ shop: shop.name, currency: 'EUR', key: 'osp_demo',
      locale: 'en-IE' })],
    ['GET', /^\/v1\/public\/items$/, (_, __, url) => listed(url)],
    ['GET', /^\/v1\/public\/items\/(.+)$/, ([sku]) => {
      const item = items.find((i) => i.sku === sku);
      if (!item) throw new Refused(404, 'not_found', 'Nothing here.');
      return item;
    }],
    ['GET', /^\/v1\/public\/stock$/, (_, __, url) => ({ version,
      items: url.searchParams.getAll('sku').map(stockOf) })],
    ['POST', /^\/v1\/public\/holds$/, (_, b) => {
      if ((shelf.get(`${b.sku}@${b.location}`) ?? 0) < 1)
        throw new Refused(409, 'not_enough_available', 'The last one just went.');
      world.sell(b.sku, b.location, 1);
      const hold = { id: `rsv_${holds.size + 1}`, state: 'held', expires_at: soon(15), sku: b.sku,
        location: b.location };
      holds.set(hold.id, hold);
      return [201, hold];
    }],
    ['DELETE', /^\/v1\/public\/holds\/(.+)$/, ([h]) => {
      const hold = holds.get(h);
      if (hold) world.sell(hold.sku, hold.location, -1);
      holds.delete(h);
      return [204];
    }],
    ['POST', /^\/v1\/session$/, (_, b) => {
      if (!String(b.secret).startsWith('osa_'))
        throw new Refused(401, 'wrong_secret', 'Not this secret.');
      signedIn = true;
      return [204];
    }],
    ['GET', /^\/v1\/session$/, () => {
      need();
      return { name: 'Admin', role: 'admin', scopes: [] };
    }],
    ['DELETE', /^\/v1\/session$/, () => { signedIn = false; return [204]; }],
    ['GET', /^\/v1\/shop$/, () => shop],
    ['PUT', /^\/v1\/shop$/, (_, b) => (shop = b)],
    ['GET', /^\/v1\/items$/, (_, __, url) => {
      const { items: found, next_cursor } = listed(url);
      return { items: found.map(full), next_cursor };
    }],
    ['GET', /^\/v1\/locations$/, () =>
      ({ locations: locations.filter((l) => l.kind !== 'transit' || !world.noRoad) })],
    ['PUT', /^\/v1\/locations\/(.+)$/, ([code], b) => {
      const old = locations.find((l) => l.code === code);
      if (old) Object.assign(old, b);
      else locations.push({ link: 'none', state: 'active', ...b, code });
      return b;
    }],
    ['GET', /^\/v1\/registers$/, () => ({ registers })],
    ['PUT', /^\/v1\/registers\/(.+)\/(.+)$/, ([location, code], b) => {
      registers = [...registers, { location, code, ...b }];
      return b;
    }],
    ['DELETE', /^\/v1\/registers\/(.+)\/(.+)$/, ([location, code]) => {
      registers = registers.filter((r) => r.location !== location || r.code !== code);
      return [204];
    }],
    ['GET', /^\/v1\/staff$/, () => ({ staff })],
    ['PUT', /^\/v1\/staff\/(.+)$/, ([code], b) => {
      if (b.pin && b.role === 'manager' && b.pin.length < 6)
        throw new Refused(422, 'invalid', '/pin: 6 digits for this role', { field: '/pin' });
      staff = [...staff.filter((s) => s.code !== code), { code, ...b, pin: undefined }];
      return b;
    }],
    ['DELETE', /^\/v1\/staff\/(.+)$/, ([code]) => {
      staff = staff.filter((s) => s.code !== code);
      return [204];
    }],
    ['GET', /^\/v1\/keys$/, () => ({ keys })],
    ['POST', /^\/v1\/keys$/, (_, b) => {
      const key = { id: `key_${keys.length + 1}`, ...b };
      keys = [...keys, key];
      return [201, { id: key.id, secret: `osk_${'5f3a9c1e7b2d'.repeat(3)}` }];
    }],
    ['DELETE', /^\/v1\/keys\/(.+)$/, ([k]) => {
      keys = keys.filter((x) => x.id !== k);
      return [204];
    }],
    ['POST', /^\/v1\/enrolments$/, () => [201, { code: 'K7QD-3MXW-9TRB-H4ZN',
      expires_at: soon(15), hub_url: `http://127.0.0.1:${port}` }]],
    ['GET', /^\/v1\/stores$/, () => ({ stores: Object.values(standings()), next_cursor: null })],
    ['GET', /^\/v1\/stores\/([^/]+)$/, ([code]) => standings()[code]],
    ['GET', /^\/v1\/stores\/([^/]+)\/items$/, ([code], _, url) => {
      const { units } = standings()[code][url.searchParams.get('of')];
      const list = items.slice(0, 8).map((i, n) => ({ sku: i.sku, name: i.name, units: 9 - n }));
      return { items: units ? list : [], next_cursor: null };
    }],
    ['POST', /^\/v1\/stores\/([^/]+)\/retire-agent$/, ([code], body) => {
      if (body.incarnation !== standings()[code].incarnation) throw new Refused(409, 'agent_answers');
      retired.add(code);
      return standings()[code];
    }],
    ...factRoutes(),
    ['GET', /^\/v1\/agent-copies$/, () => ({ next_cursor: null, copies: world.copies ? copies : [] })],
    ['PUT', /^\/v1\/agent-copies\/([^/]+)$/, ([life], b) => {
      const copy = copies.find((c) => c.life === life);
      return Object.assign(copy, { state: b.allowed ? 'allowed' : 'refused' });
    }],
    ['GET', /^\/v1\/agents$/, () => ({ agents })],
    ['DELETE', /^\/v1\/agents\/(.+)$/, ([a]) => {
      agents = agents.filter((x) => x.id !== a);
      return [204];
    }],
    ['GET', /^\/v1\/policies$/, () => ({ policies })],
    ['PUT', /^\/v1\/policies\/(share)\/(.+)\/(.+)$/, ([kind, location, sku], b) => {
      policies = [...policies, { kind, location, sku, ...b }];
      return b;
    }],
    ['PUT', /^\/v1\/policies\/(safety)\/(.+)\/(.+)$/, ([kind, sku, location], b) => {
      policies = [...policies, { kind, location, sku, ...b }];
      return b;
    }],
    ['DELETE', /^\/v1\/policies\/(.+)$/, () => { policies = policies.slice(1); return [204]; }],
    ['POST', /^\/v1\/imports\/preview$/, (_, csv, url) => preview(String(csv), url.searchParams)],
    ['PUT', /^\/v1\/import-mappings\/([^/]+)\/([^/]+)$/, ([kind, name], b) => ({ kind, name, ...b })],
    ['POST', /^\/v1\/imports\/([^/]+)\/cancel$/, ([i]) => {
      imports.get(i).state = 'cancelled';
      return imports.get(i);
    }],
    ['POST', /^\/v1\/imports$/, (_, csv, url) => {
      const rows = String(csv).trim().split('\n').length - 1;
      const imp = { id: `imp_${imports.size + 1}`, kind: url.searchParams.get('kind'),
        state: 'running', rows_total: rows, rows_done: 0, rows_failed: 0, rows_per_second: 4_180 };
      imports.set(imp.id, imp);
      const timer = setInterval(() => {
        if (imp.state !== 'running') return clearInterval(timer);
        imp.rows_done = Math.min(rows, imp.rows_done + Math.ceil(rows / (rows > 5_000 ? 80 : 8)));
        imp.rows_failed = Math.min(2, Math.floor(imp.rows_done / 2));
        if (imp.rows_done === rows) { imp.state = 'done'; clearInterval(timer); }
      }, 250);
      return [202, { id: imp.id }];
    }],
    ['GET', /^\/v1\/imports\/([^/]+)\/errors$/, () => ({ next_cursor: null, errors: [
      { row: 17, code: 'barcode_taken', detail: '5391520940118 belongs to FJ-750-MOS already.' },
      { row: 212, code: 'price_malformed', detail: 'The price “12,5 0” is not an amount.' }] })],
    ['GET', /^\/v1\/imports\/([^/]+)$/, ([i]) => imports.get(i)],
    ['POST', /^\/mock\/sell$/, (_, b) => { world.sell(b.sku, b.location, b.units); return {}; }],
    ['POST', /^\/mock\/world$/, (_, b) => { Object.assign(world, b); return {}; }],
  ];
  const server = await serve(port, routes, { '/shop/': 'shop.html', '/setup/': 'setup.html' });
  new WebSocketServer({ server, path: '/v1/live' }).on('connection', (socket) => {
    sockets.set(socket, []);
    socket.on('close', () => sockets.delete(socket));
    socket.on('message', (text) => {
      const wanted = JSON.parse(text).subscribe.items;
      sockets.set(socket, wanted);
      socket.send(JSON.stringify({ kind: 'snapshot', upto: version, items: wanted.map(stockOf) }));
    });
  });
  return server;
}
