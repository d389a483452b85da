// A stand-in for the hub's channels: three in different health, one with a history.
const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();

const well = { backlog: 0, waiting_since: null, last_ok_at: ago(1), last_result: '204', failures: 0,
  failing_since: null, needs_attention: 0 };
const channel = (code, name, more) => ({ code, name, connector: 'webhook', locations: [],
  endpoint: `https://${code}.example/webhooks/oneshelf`, stopped: null, old_secret_until: null,
  hook: `/v1/hooks/${code}`, health: well, ...more });
const tried = (minutes, result, status, took_ms) => ({ at: ago(minutes), result, status, took_ms });
const id = (n) => `evt_0192b3c4d5e67f8090a1b2c3d4e5f6${n}`;

const deliveries = [
  { id: id('17'), kind: 'stock', subject: 'LA-400-CLY', quantity: 0, state: 'waiting',
    made_at: ago(12), due_at: ago(-3), attempts: [tried(12, 'answered', 503, 214),
      tried(11, 'timed_out', null, 15_000), tried(6, 'not_connected', null, 3)] },
  { id: id('16'), kind: 'order', subject: 'W-20418', quantity: null, state: 'sent',
    made_at: ago(40), due_at: null, attempts: [tried(40, 'answered', 204, 61)] },
  { id: id('15'), kind: 'stock', subject: 'FJ-750-MOS', quantity: 4, state: 'sent',
    made_at: ago(41), due_at: null,
    attempts: [tried(41, 'answered', 500, 90), tried(40, 'answered', 200, 57)] },
  { id: id('14'), kind: 'stock', subject: 'FJ-750-MOS', quantity: 5, state: 'replaced',
    made_at: ago(43), due_at: null, attempts: [tried(42, 'cut', null, 1_204)] },
  { id: id('13'), kind: 'ping', subject: '', quantity: null, state: 'failed',
    made_at: ago(5_000), due_at: null, attempts: [tried(4_990, 'not_allowed', null, 0)] },
];
const line = (sku, location, quantity) => ({ sku, location, quantity });
const order = (name, state, lines, code, minutes) => ({ channel_order_id: name, state, lines, code,
  detail: null, reservation: null, placed_at: ago(minutes), changed_at: ago(minutes) });
const orders = [
  order('W-20419', 'refused', [line('LA-400-CLY', 'S07', 3)], 'not_enough_available', 12),
  order('W-20418', 'accepted', [line('FJ-750-MOS', 'S07', 1), line('DP-22-SLA', 'S02', 2)], null, 40),
  order('W-20411', 'cancelled', [line('FJ-750-MOS', 'S07', 1)], null, 200),
];

export function channelRoutes() {
  const failing = { ...well, backlog: 37, waiting_since: ago(12), last_ok_at: ago(40),
    last_result: 'not_connected', failures: 9, failing_since: ago(12) };
  let all = [
    channel('own-shop', 'Own web shop', { health: failing, locations: ['S07', 'S02'],
      old_secret_until: ago(-900) }),
    channel('outlet', 'Outlet', {}),
    channel('marketplace', 'Marketplace', { stopped: 'gone' }),
    channel('till-app', 'Order app', { endpoint: null }),
  ];
  const change = (code, more) => {
    all = all.map((c) => (c.code === code ? { ...c, ...more } : c));
    return all.find((c) => c.code === code);
  };
  const secret = `whsec_${'q1w2e3r4t5z6'.repeat(3)}=`;
  return [
    ['GET', /^\/v1\/channels$/, () => ({ channels: all })],
    ['POST', /^\/v1\/channels$/, (_, b) => {
      all = [...all, channel(b.code, b.name, { ...b, health: { ...well, last_ok_at: null } })];
      return [201, { code: b.code, secret }];
    }],
    ['PUT', /^\/v1\/channels\/([^/]+)$/, ([code], b) => change(code, b)],
    ['DELETE', /^\/v1\/channels\/([^/]+)$/, ([code]) => {
      all = all.filter((c) => c.code !== code);
      return [204];
    }],
    ['POST', /^\/v1\/channels\/([^/]+)\/enable$/, ([code]) => change(code, { stopped: null })],
    ['POST', /^\/v1\/channels\/([^/]+)\/disable$/, ([code]) => change(code, { stopped: 'operator' })],
    ['POST', /^\/v1\/channels\/([^/]+)\/rotate$/, ([code]) => [201, { code, secret }]],
    ['POST', /^\/v1\/channels\/([^/]+)\/ping$/, () => [202, { delivery: id('18') }]],
    ['POST', /^\/v1\/channels\/([^/]+)\/redeliver$/, () => ({ again: 1 })],
    ['POST', /^\/v1\/channels\/([^/]+)\/retry-orders$/, () => ({ again: 1 })],
    ['GET', /^\/v1\/channels\/([^/]+)\/deliveries$/, ([code]) => ({ next_cursor: null,
      deliveries: code === 'own-shop' ? deliveries : [] })],
    ['GET', /^\/v1\/channels\/([^/]+)\/orders$/, ([code]) => ({ next_cursor: null,
      orders: code === 'own-shop' ? orders : [] })],
  ];
}
