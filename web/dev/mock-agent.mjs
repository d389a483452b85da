// A stand-in for a store's agent, enough of its contract to drive the register page.
import { WebSocketServer } from 'ws';
import { checkDigitOk, items, shelf, stores } from './catalogue.mjs';
import { stockActs } from './mock-stock.mjs';
import { Refused, serve } from './web.mjs';

const eur = (minor) => ({ minor, currency: 'EUR' });
const since = () => new Date(Date.now() - 12 * 60_000).toISOString();

export async function agent(port, world) {
  const state = {
    kind: 'state', enrolled: true, shop: 'Harbour Goods',
    location: { code: 'S07', name: 'Quay Street', zone: 'Europe/Dublin' }, currency: 'EUR',
    registers: [{ code: 'R1', name: 'Register 1' }, { code: 'R2', name: 'Register 2' }],
    link: { state: 'live', since: since(), last_answer_age_ms: 120, waiting: 0 },
    printer: { state: 'ready', since: since(), waiting: 0, paused: false }, scanner: { state: 'ready' },
    drawer: { state: 'closed', since: since() }, scale: { state: 'none' }, version: '0.1.0',
  };
  const staff = [
    { code: 'ana', name: 'Ana Murphy', role: 'cashier', pin: '1234' },
    { code: 'dara', name: 'Dara Nolan', role: 'cashier', pin: '1234' },
    { code: 'sile', name: 'Síle Brady', role: 'manager', pin: '123456' },
  ];
  let me = null;
  let session = null;
  let next = 1;
  let receipt = 122;
  let lines = [];
  let ticketId = 'tkt_1';
  const sales = [];
  let jobs = [];
  const id = (prefix) => `${prefix}_${String((next += 1)).padStart(32, '0')}`;

  const here = (item) => {
    const on_hand = shelf.get(`${item.sku}@S07`) ?? 0;
    const reserved = Math.min(2, on_hand > 4 ? 2 : 0);
    const picked = on_hand > 6 ? 1 : 0;
    const unsure = world.unsure?.[item.sku] ?? 0;
    const live = state.link.state === 'live';
    const as_of = live ? new Date().toISOString() : since();
    return {
      sku: item.sku, name: item.name, options: item.options, image: null, unit: 'each',
      price: item.price,
      barcode: item.barcode,
      here: { on_hand: on_hand + unsure, to_sell: on_hand - reserved - picked, reserved, picked,
        share: Math.min(1, on_hand) },
      elsewhere: stores.filter((s) => s.code !== 'S07').map((s) => ({
        location: s.code, name: s.name, shown: shelf.get(`${item.sku}@${s.code}`) ?? 0, as_of, live,
      })),
    };
  };
  const ticket = () => {
    const total = lines.reduce((sum, l) => sum + l.total.minor, 0);
    const tax = Math.round((total * 23) / 123);
    return {
      id: ticketId, lines, pieces: lines.reduce((sum, l) => sum + l.quantity, 0),
      total: eur(total), state: 'open',
      taxes: total
        ? [{ name: 'VAT 23%', rate_basis_points: 2300, net: eur(total - tax), tax: eur(tax) }]
        : [],
      fingerprint: [ticketId, ...lines.map((l) => `${l.id} ${l.quantity}`)].join(', '),
    };
  };
  const warn = (l) => {
    const free = here(items.find((i) => i.sku === l.sku)).here;
    l.beyond = Math.max(0, l.quantity - free.to_sell);
    l.warning = l.beyond === 0 ? null
      : state.link.state === 'offline' ? 'free_when_offline'
        : free.on_hand > 0 ? 'promised' : 'uncounted';
  };
  const set = (l, quantity) => {
    l.quantity = quantity;
    l.total = eur(l.unit_price.minor * quantity);
    warn(l);
  };
  const add = (item, quantity = 1) => {
    let l = lines.find((x) => x.sku === item.sku);
    if (!l) {
      l = {
        id: id('lin'), sku: item.sku, name: item.name, options: item.options, image: null,
        unit: 'each', quantity: 0, unit_price: item.price, total: eur(0), tax: 'standard',
        beyond: 0, warning: null,
      };
      lines = [...lines, l];
    }
    set(l, l.quantity + quantity);
    showCustomer();
    return { ticket: ticket(), added: l.id, item: here(item), says: null };
  };
  const sockets = new Set();
  const displays = new Set();
  let paid = null;
  const shown = () => {
    const t = ticket();
    return { kind: 'display', shop: state.shop, location: state.location.name,
      lines: t.lines, pieces: t.pieces, total: t.total, paid: t.lines.length ? null : paid };
  };
  const showCustomer = () => displays.forEach((s) => s.send(JSON.stringify(shown())));
  const push = (message) => sockets.forEach((s) => s.send(JSON.stringify(message)));
  const need = () => {
    if (!me) throw new Refused(401, 'not_signed_in', 'Sign in first.');
  };
  const find = (code) => items.find((i) => i.barcode === code || i.sku === code);
  const print = (number, copy) => {
    const stuck = state.printer.state !== 'ready' || state.printer.paused;
    const at = new Date().toISOString();
    const job = {
      id: id('job'), kind: number ? 'receipt' : 'test_page', receipt_number: number, copy,
      register: 'R1', made_at: at, changed_at: at,
      error: stuck && !state.printer.paused ? state.printer.state : null,
      state: world.unconfirmed ? 'unknown' : stuck ? 'queued' : 'confirmed',
    };
    jobs = [job, ...jobs];
    setTimeout(() => { push({ kind: 'printed', job }); count(); }, 150);
    return job;
  };
  const count = () => {
    const waiting = jobs.filter((j) => j.state === 'queued').length;
    state.printer = { ...state.printer, waiting };
    push(state);
    push({ kind: 'devices' });
  };
  const set_job = (j, change) => {
    const job = jobs.find((x) => x.id === j);
    Object.assign(job, change, { changed_at: new Date().toISOString() });
    setTimeout(count, 10);
    return job;
  };
  const devices = () => ({
    printer: { ...state.printer, link: world.links?.printer ?? 'tcp://10.0.0.9:9100',
      last_ok: new Date().toISOString(), last_error: { code: 'no_paper', at: since() },
      queue: { waiting: state.printer.waiting, oldest_at: state.printer.waiting ? since() : null,
        asked: 0, paused: state.printer.paused ? { by: 'ana', at: since() } : null,
        confirmed_at: since() } },
    drawer: { ...state.drawer, since: since(), link: 'tcp://10.0.0.9:9100', last_ok: since() },
    scanner: { ...state.scanner, around: { prefix: '', suffix: '' }, lesson: null, since: since(), last_ok: since(), last_error: null,
      link: '/dev/serial/by-id/usb-Datalogic_QuickScan-if00' },
    scale: { state: world.scale ?? 'none', since: since(), last_ok: since(), last_error: null,
      link: world.scale ? 'serial:/dev/ttyUSB0?baud=9600' : null },
    display: { state: displays.size ? 'showing' : 'none', since: displays.size ? since() : null },
    scans: world.scans ?? [], jobs,
  });

  const acts = stockActs(world, () => me, state, push);
  // What the agent's own scanner does with an item: sold, or looked up for a count.
  const sold = (item) => (world.looking
    ? { kind: 'scan_refused', code: item.sku, problem: 'scan_looked_at', detail: '', fields: { sku: item.sku } }
    : { kind: 'line', ...add(item) });
  const routes = [
    ...acts.routes,
    ['GET', /^\/api\/state$/, () => state],
    ['GET', /^\/api\/staff$/, () => ({ staff: staff.map(({ pin: _, ...s }) => s) })],
    ['POST', /^\/api\/sign-in$/, (_, b) => {
      const s = staff.find((x) => x.code === b.staff);
      if (s?.pin !== b.pin) throw new Refused(401, 'wrong_pin', '4 tries left.');
      me = { cashier: { code: s.code, name: s.name, role: s.role },
        register: state.registers.find((r) => r.code === b.register) };
      return { ...me, cash_session: session };
    }],
    ['POST', /^\/api\/sign-out$/, () => { me = null; return [204]; }],
    ['GET', /^\/api\/me$/, () => { need(); return { ...me, cash_session: session }; }],
    ['POST', /^\/api\/cash-sessions$/, (_, b) => {
      need();
      session = { id: id('csh'), register: me.register.code, opened_at: new Date().toISOString(),
        opened_by: me.cashier.code, opening_float: b.opening_float };
      return [201, session];
    }],
    ['GET', /^\/api\/ticket$/, () => ticket()],
    ['POST', /^\/api\/ticket\/scan$/, (_, b) => {
      if (b.code.includes('10OLD') && !b.accept_expired)
        throw new Refused(409, 'lot_expired', 'Past its date.', { name: 'Oat bar, salted caramel',
          until: '2026-10-31', lot: 'OLD', code_scanned: b.code });
      if (b.code === '4006381333931')
        throw new Refused(409, 'weight_needed', 'Weigh it.', { sku: 'CHEESE', unit: 'gram',
          scale: world.scale ? 'moving' : null,
          name: 'Hegarty’s cheddar, aged' });
      const item = find(b.code);
      if (!item) throw new Refused(404, 'item_unknown', 'No item has this barcode.',
        { check_digit_ok: checkDigitOk(b.code) });
      return add(item);
    }],
    ['POST', /^\/api\/ticket\/lines$/, (_, b) => add(find(b.sku), b.quantity)],
    ['PATCH', /^\/api\/ticket\/lines\/(.+)$/, ([l], b) => {
      set(lines.find((x) => x.id === l), b.quantity);
      return { ticket: ticket() };
    }],
    ['DELETE', /^\/api\/ticket\/lines\/(.+)$/, ([l]) => {
      lines = lines.filter((x) => x.id !== l);
      return { ticket: ticket() };
    }],
    ['DELETE', /^\/api\/ticket$/, () => { lines = []; return { ticket: ticket() }; }],
    ['POST', /^\/api\/ticket\/pay$/, (_, b) => {
      const now = ticket();
      const total = now.total.minor;
      if (b.shown.fingerprint !== now.fingerprint)
        throw new Refused(409, 'ticket_changed', 'Tell the customer the new total.', { ticket: now });
      const given = b.tenders[0].given.minor;
      if (given < total) throw new Refused(422, 'tender_too_small', 'More is due.');
      receipt += 1;
      const number = `S07-${me?.register.code ?? 'R2'}-${String(receipt).padStart(6, '0')}`;
      const sale = { id: id('sal'), receipt_number: number, total: eur(total), given: eur(given),
        change: eur(given - total), paid_at: new Date().toISOString(), print: 'queued' };
      sales.unshift(sale);
      lines.forEach((l) => world.sell(l.sku, 'S07', l.quantity));
      lines = [];
      paid = { total: sale.total, given: sale.given, change: sale.change };
      ticketId = id('tkt');
      showCustomer();
      if (state.link.state === 'offline')
        state.link = { ...state.link, waiting: state.link.waiting + 1 };
      state.drawer = { state: 'open', since: new Date().toISOString() };
      push(state);
      setTimeout(() => { state.drawer = { state: 'closed', since: since() }; push(state); }, 4000);
      print(number, false);
      return { sale };
    }],
    ['POST', /^\/api\/ticket\/paid$/, () => {
      throw new Refused(404, 'not_paid', 'This payment did not arrive. Nothing was booked.');
    }],
    ['GET', /^\/api\/sales$/, () => ({ sales })],
    ['POST', /^\/api\/sales\/(.+)\/reprint$/, ([n]) => [202, print(n, true)]],
    ['GET', /^\/api\/items$/, (_, __, url) => {
      const text = url.searchParams.get('search').toLowerCase();
      const words = (i) => `${i.name} ${i.sku} ${i.barcode} ${i.options}`.toLowerCase();
      const hit = (i) => words(i).includes(text);
      return { items: items.filter(hit).slice(0, 12).map(here) };
    }],
    ['GET', /^\/api\/items\/(.+)\/here$/, ([sku]) => here(find(sku))],
    ['POST', /^\/api\/no-sale$/, () => [204]],
    ['GET', /^\/api\/print-jobs$/, () => ({ jobs })],
    ['POST', /^\/api\/print-jobs\/(.+)\/answer$/, ([j], b) => {
      world.unconfirmed = false;
      return set_job(j, b.came_out ? { state: 'confirmed' } : { state: 'queued', copy: true });
    }],
    ['POST', /^\/api\/print-jobs\/(.+)\/skip$/, ([j]) => set_job(j, { state: 'skipped' })],
    ['GET', /^\/api\/devices$/, () => { need(); return devices(); }],
    ['POST', /^\/api\/printer\/(pause|resume)$/, ([what]) => {
      state.printer = { ...state.printer, paused: what === 'pause' };
      count();
      return [204];
    }],
    ['POST', /^\/api\/printer\/test-page$/, () => [202, print(null, false)]],
    ['POST', /^\/api\/display-keys$/, () => ({ key: 'k' })],
    ['DELETE', /^\/api\/displays$/, () => { displays.forEach((s) => s.close(4401)); return [204]; }],
    ['POST', /^\/api\/display\/claim$/, () => { world.display = true; return [204]; }],
    ['GET', /^\/api\/display$/, () => {
      if (!world.display) throw new Refused(401, 'no_display', 'Open it on the register.');
      return shown();
    }],
    ['POST', /^\/api\/scanner\/look$/, () => { world.looking = true; return [204]; }],
    ['DELETE', /^\/api\/scanner\/look$/, () => { world.looking = false; return [204]; }],
    // Controls of the stand-in itself.
    ['POST', /^\/mock\/state$/, (_, b) => { Object.assign(state, b); push(state); return state; }],
    ['POST', /^\/mock\/scan$/, (_, b) => {
      const item = find(b.code);
      push(item ? sold(item)
        : { kind: 'not_found', code: b.code, check_digit_ok: checkDigitOk(b.code) });
      return {};
    }],
    ['POST', /^\/mock\/world$/, (_, b) => { Object.assign(world, b); return {}; }],
    ['POST', /^\/mock\/reset$/, () => {
      me = session = null;
      acts.reset();
      lines = [];
      jobs = [];
      world.unconfirmed = false;
      world.scans = [];
      world.scale = null;
      paid = null;
      return {};
    }],
  ];
  const server = await serve(port, routes, { '/': 'register.html', '/display': 'display.html' });
  const live = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, raw, head) => live.handleUpgrade(request, raw, head, (socket) => {
    const display = request.url.startsWith('/api/display');
    const all = display ? displays : sockets;
    all.add(socket);
    socket.on('close', () => all.delete(socket));
    socket.send(JSON.stringify(display ? shown() : state));
  }));
  world.scanAtStore = (code) => {
    const item = find(code);
    if (item) push(sold(item));
  };
  world.agentState = state;
  world.pushState = () => push(state);
  return server;
}
