// Starts the stand-ins of hub, agent and bench on three ports of loopback, to work on the pages
// without the programs: `npm run build && npm run mock [first port]`. Not part of any build.
import { items } from './catalogue.mjs';
import { agent } from './mock-agent.mjs';
import { hub } from './mock-hub.mjs';
import { serve } from './web.mjs';

const first = Number(process.argv[2] ?? 8790);
const world = { sell() {}, unconfirmed: false };
await hub(first, world);
await agent(first + 1, world);

const store = {
  code: 'S07', name: 'Quay Street', register_url: `http://127.0.0.1:${first + 1}/`, line_up: true,
  printer: { paper: 'ok', cover: 'closed' },
  barcodes: items.slice(0, 14).map((i) => ({ code: i.barcode, name: i.name, price: i.price })),
};
const other = { ...store, code: 'S02', name: 'Patrick Street', printer: { ...store.printer } };
const orders = { placed: 0, shipped: 0, refused: 0 };
const byCode = (code) => (code === 'S07' ? store : other);
setInterval(() => {
  orders.placed += 1;
  if (orders.placed > 2) orders.shipped += 1;
}, 3000).unref();
const receipt = `<svg xmlns="http://www.w3.org/2000/svg" width="320" height="220">
<rect width="320" height="220" fill="#fff"/><g font-family="monospace" font-size="13">
<text x="92" y="34">HARBOUR GOODS</text><text x="20" y="80">1 Camp lantern</text>
<text x="250" y="80">64.00</text><text x="20" y="140">TOTAL</text><text x="250" y="140">64.00</text>
<text x="20" y="190">S07-R2-000123</text></g></svg>`;

await serve(first + 2, [
  ['GET', /^\/bench\/state$/, () => ({ shop_url: `http://127.0.0.1:${first}/shop/`,
    setup_url: `http://127.0.0.1:${first}/setup/`, stores: [store, other], orders })],
  ['GET', /^\/bench\/stores\/(.+)\/receipts$/, ([code]) => ({ pulses: code === 'S07' ? 2 : 0,
    receipts: code === 'S07' ? [{ number: 2, svg_url: 'bench/receipt.svg' },
      { number: 1, svg_url: 'bench/receipt.svg' }] : [] })],
  ['POST', /^\/bench\/stores\/(.+)\/scan$/, (_, b) => { world.scanAtStore(b.code); return {}; }],
  ['POST', /^\/bench\/stores\/(.+)\/line$/, ([code], b) => {
    byCode(code).line_up = b.up;
    world.agentState.link = { ...world.agentState.link, since: new Date().toISOString(),
      state: b.up ? 'live' : 'offline', waiting: 0 };
    world.pushState();
    return {};
  }],
  ['POST', /^\/bench\/stores\/(.+)\/printer$/, ([code], b) => {
    byCode(code).printer = b;
    const state = b.cover === 'open' ? 'cover_open' : b.paper === 'out' ? 'no_paper'
      : b.paper === 'low' ? 'paper_low' : 'ready';
    world.agentState.printer = { ...world.agentState.printer, state,
      since: new Date().toISOString() };
    world.pushState();
    return {};
  }],
], { '/': 'bench.html' }).then((server) => {
  // The receipt is a picture, not JSON: it is answered before the routes.
  const [answer] = server.listeners('request');
  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    if (request.url !== '/bench/receipt.svg') return answer(request, response);
    response.writeHead(200, { 'content-type': 'image/svg+xml' });
    response.end(receipt);
  });
});
console.log(`hub ${first}, register ${first + 1}, bench ${first + 2}`);
