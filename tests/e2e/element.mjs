// The scenarios of the live-stock element on pages that are not ours: a small server of another
// origin serves them, the hub serves the script alone.
import { createServer } from 'node:http';
import { join } from 'node:path';
import * as pages from './pages.mjs';
import { check, item, wait } from './scenarios.mjs';

export const element = {};

/** The pages of the burst, and how many are open at once. A thousand take a minute: docs/testing.md
    says how. */
const PAGES = Number(process.env.ONESHELF_E2E_PAGES ?? 40);
const TOGETHER = 40;

/** A web shop of somebody else: gives its origin and what ends it. */
async function foreign(shop) {
  const server = createServer((request, answer) => {
    const { searchParams } = new URL(request.url, 'http://shop.example');
    const asked = (name) => (searchParams.get(name) ?? '').replace(/[&"<>]/g, '');
    const stock = searchParams.getAll('sku').map((sku) => `<oneshelf-stock key="${asked('key')}"
      sku="${sku.replaceAll('"', '&quot;')}" ${asked('with')}></oneshelf-stock>`);
    answer.setHeader('content-type', 'text/html; charset=utf-8');
    answer.end(`<!doctype html><html lang="${asked('lang') || 'en'}" data-theme="light">
      <meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Slow Kitchen</title>
      <style>:root { color-scheme: light; background: #fcf8f0; color: #221f1a; font-family: Georgia, serif }
        @media (prefers-color-scheme: dark) { :root { color-scheme: dark; background: #17181a; color: #f3f2ef } }
        main { display: grid; gap: 1rem; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
          grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)) } h1 { grid-column: 1 / -1 }</style>
      <script src="${shop.hub}/element/oneshelf.js" async></script>
      <script>const m = matchMedia('(prefers-color-scheme: dark)');
        const theme = () => (document.documentElement.dataset.theme = m.matches ? 'dark' : 'light');
        m.onchange = theme; theme();</script>
      <main><h1>Things worth walking to the shop for</h1>${stock.join('')}</main></html>`);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return { origin, end: () => (server.closeAllConnections(), server.close()),
    page: (key, skus, more = {}) =>
      `${origin}/?${new URLSearchParams([['key', key], ...skus.map((s) => ['sku', s]), ...Object.entries(more)])}` };
}

/** More than the last few, so that it is said in the same words when more come. */
const some = (units) => units > 3;

const publishable = (shop, origins, more) => shop.ask('POST', '/v1/keys', { name: 'Slow Kitchen',
  kind: 'publishable', channel: 'web', scopes: ['live'], origins, ...more });

const stock = (at, sku) => at.locator('oneshelf-stock').and(at.locator(`[sku="${sku}"]`)).first();
const line = (at, sku) => stock(at, sku).locator('.line');

async function says(at, sku, text) {
  await line(at, sku).filter({ hasText: text }).waitFor();
}

/** The warehouse has no agent, so the hub takes goods in there. */
const receive = (shop, sku, quantity) =>
  shop.ask('POST', '/v1/stock/receive', { location: 'W01', lines: [{ sku, quantity }] });

element['the element shows live stock on a page from elsewhere'] = async ({ shop, page, shots }) => {
  const other = await foreign(shop);
  try {
    const things = [];
    for (let at = 0; at < 3; at += 1) things.push(await item(shop, 'W01', some));
    const [one, two, third] = things.map((thing) => thing.sku);
    const { secret } = await publishable(shop, [other.origin], { display: { kind: 'exact', cap: 1000 } });
    const visitor = await page();
    const sockets = [];
    visitor.on('websocket', (socket) => sockets.push(socket));
    await visitor.goto(other.page(secret, [one, two, two, 'NOT-OURS'], { with: 'location=W01' }));
    const units = things[0].units;
    await says(visitor, one, `${units} in stock`);
    await receive(shop, one, 5);
    await says(visitor, one, `${units + 5} in stock`);
    await stock(visitor, 'NOT-OURS').and(visitor.locator('[data-state=unknown]')).waitFor();
    await pages.accessible(visitor, 'a page with the element');
    await visitor.screenshot({ path: join(shots, 'element-light.png') });
    await visitor.emulateMedia({ colorScheme: 'dark' });
    await visitor.screenshot({ path: join(shots, 'element-dark.png') });
    // Elements that come later use the line that is there; the last one that goes hangs up.
    await visitor.evaluate((sku) => {
      const first = document.querySelector('oneshelf-stock');
      const next = first.cloneNode();
      next.setAttribute('sku', sku);
      first.after(next);
    }, third);
    await says(visitor, third, `${things[2].units} in stock`);
    check(sockets.length === 1, `five elements have ${sockets.length} sockets`);
    const closed = sockets[0].waitForEvent('close');
    await visitor.evaluate(() => document.querySelectorAll('oneshelf-stock').forEach((e) => e.remove()));
    await closed;
    // In another language, of all locations, for search engines too.
    const german = await page({ viewport: { width: 390, height: 844 } });
    await german.goto(other.page(secret, [two], { lang: 'de', with: 'json-ld' }));
    await says(german, two, 'vorrätig');
    const linked = german.locator('head script[type="application/ld+json"]');
    await linked.waitFor({ state: 'attached' });
    const { sku, offers } = JSON.parse(await linked.textContent());
    check(sku === two && offers.availability === 'https://schema.org/InStock', 'it says that it is in stock');
    await german.screenshot({ path: join(shots, 'element-german-phone.png') });
    // The line is cut, and comes back with what changed meanwhile.
    await german.context().setOffline(true);
    await german.evaluate(() => dispatchEvent(new Event('pagehide')));
    await receive(shop, two, 50);
    await german.context().setOffline(false);
    await german.evaluate(() => dispatchEvent(new Event('pageshow')));
    const total = (await shop.ask('GET', `/v1/stock/${encodeURIComponent(two)}`)).locations
      .reduce((sum, at) => sum + at.available, 0);
    await says(german, two, `${total} vorrätig`);
  } finally {
    other.end();
  }
};

element['the element shows nothing that its key does not allow'] = async ({ shop, page }) => {
  const [listed, stranger] = [await foreign(shop), await foreign(shop)];
  try {
    const thing = await item(shop, 'W01', some);
    const keys = await Promise.all(['', ''].map(() =>
      publishable(shop, [listed.origin], { display: { kind: 'yes_no' } })));
    const visitor = await page();
    const told = [];
    visitor.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => told.push(String(payload))));
    await visitor.goto(listed.page(keys[0].secret, [thing.sku]));
    await says(visitor, thing.sku, 'In stock');
    check(told.length > 0 && !told.some((text) => text.includes('count')), `it was told a number: ${told}`);
    check(await stock(visitor, thing.sku).locator('.shelf').isHidden(), 'blocks give a number away');
    // The key ends, which the hub tells the page soon; meanwhile a stranger with a good one.
    await shop.ask('DELETE', `/v1/keys/${keys[0].id}`);
    // Ways other than the socket are refused to a page that is not on the list too.
    const crossed = await page();
    const answers = [];
    crossed.on('response', (answer) => answers.push(answer.status()));
    await crossed.goto(stranger.page(keys[1].secret, [thing.sku]));
    await stock(crossed, thing.sku).and(crossed.locator('[data-state=unknown]')).waitFor();
    check(!/\d|In stock/.test(await line(crossed, thing.sku).textContent()), 'a stranger is told the stock');
    // Within five seconds the page says that it knows nothing any more, and asks no further.
    await stock(visitor, thing.sku).and(visitor.locator('[data-state=unknown]')).waitFor();
  } finally {
    listed.end();
    stranger.end();
  }
};

element['the element finds another way where there is no WebSocket'] = async ({ shop, page }) => {
  const other = await foreign(shop);
  try {
    const thing = await item(shop, 'W01', some);
    const { secret } = await publishable(shop, [other.origin], { display: { kind: 'exact', cap: 1000 } });
    const visitor = await page();
    const asked = [];
    visitor.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await visitor.routeWebSocket(/v1.live/, (socket) => socket.close({ code: 1011 }));
    await visitor.goto(other.page(secret, [thing.sku], { with: 'location=W01' }));
    await says(visitor, thing.sku, `${thing.units} in stock`);
    await visitor.waitForRequest((r) => r.url().includes('/v1/live/events'));
    await stock(visitor, thing.sku).and(visitor.locator(':not([data-old])')).waitFor();
    await receive(shop, thing.sku, 3);
    await says(visitor, thing.sku, `${thing.units + 3} in stock`);
    check(asked.includes('/v1/public/stock'), 'it asked once, to know why');
  } finally {
    other.end();
  }
};

/** Something to wait for until somebody lets it pass. */
function gate() {
  let pass;
  return { open: new Promise((resolve) => (pass = resolve)), pass: () => pass() };
}

element['an answer that comes late does not undo what the line told'] = async ({ shop, page }) => {
  const other = await foreign(shop);
  try {
    const thing = await item(shop, 'W01', some);
    const { secret } = await publishable(shop, [other.origin], { display: { kind: 'exact', cap: 1000 } });
    const visitor = await page();
    // The first line is refused, so the page asks; the answer is on its way while the next line opens.
    const [asked, release] = [gate(), gate()];
    let lines = 0;
    await visitor.routeWebSocket(/v1.live/, (socket) =>
      (lines += 1) === 1 ? socket.close({ code: 1011 }) : asked.open.then(() => socket.connectToServer()));
    await visitor.route(/v1.public.stock/, async (route) => {
      const response = await route.fetch();
      asked.pass();
      await release.open;
      await route.fulfill({ response });
    });
    await visitor.addInitScript(() => {
      window.told = [];
      addEventListener('oneshelf-stock', (event) => window.told.push(event.detail.units));
    });
    await visitor.goto(other.page(secret, [thing.sku], { with: 'location=W01' }));
    await says(visitor, thing.sku, `${thing.units} in stock`);
    await receive(shop, thing.sku, 5);
    await says(visitor, thing.sku, `${thing.units + 5} in stock`);
    const late = visitor.waitForEvent('requestfinished', (r) => r.url().includes('/v1/public/stock'));
    release.pass();
    await late;
    await receive(shop, thing.sku, 1);
    await says(visitor, thing.sku, `${thing.units + 6} in stock`);
    const told = await visitor.evaluate(() => window.told);
    check(told.lastIndexOf(thing.units) < told.indexOf(thing.units + 5), `it showed ${told}`);
  } finally {
    other.end();
  }
};

element['what search engines read is about the item that is shown'] = async ({ shop, page }) => {
  const other = await foreign(shop);
  try {
    const [one, two] = [(await item(shop, 'W01', some)).sku, (await item(shop, 'W01', some)).sku];
    const { secret } = await publishable(shop, [other.origin], { display: { kind: 'yes_no' } });
    const visitor = await page();
    await visitor.goto(other.page(secret, [one, two], { with: 'json-ld' }));
    const linked = visitor.locator('head script[type="application/ld+json"]');
    const skus = async () => (await linked.allTextContents()).map((text) => JSON.parse(text).sku).sort();
    const are = (...all) => wait(async () => String(await skus()) === String(all.sort()), `it is about ${all}`);
    await are(one, two);
    // The page's choice changes; both are in stock, so the element says the same words.
    const first = visitor.locator('oneshelf-stock').first();
    await first.evaluate((stock, sku) => stock.setAttribute('sku', sku), two);
    await are(two, two);
    await first.evaluate((stock) => stock.removeAttribute('json-ld'));
    await are(two);
    await first.evaluate((stock) => stock.setAttribute('json-ld', ''));
    await are(two, two);
  } finally {
    other.end();
  }
};

element['the shop page carries the element of its product for search engines'] = async ({ shop, page }) => {
  const thing = await item(shop, 'W01', some);
  const path = `/v1/items/${encodeURIComponent(thing.sku)}`;
  const { sku, version, no, ...details } = thing.whole;
  const name = '</script><script>document.title = "taken"</script><!-- Flask';
  await shop.ask('PUT', path, { ...details, options: null, name });
  const shopper = await page();
  await pages.openItem(shopper, shop.hub, sku);
  const linked = shopper.locator('head script[type="application/ld+json"]');
  await linked.waitFor({ state: 'attached' });
  const product = JSON.parse(await linked.textContent());
  check(product.name === name && product.sku === sku, `it says ${product.name}`);
  check(product.offers.availability === 'https://schema.org/InStock', `it is ${product.offers.availability}`);
  check((await shopper.title()) !== 'taken', 'the title ran as a script');
};

/** Live sockets that the hub counts. */
async function sockets(shop) {
  const text = await (await fetch(`${shop.admin}/metrics`)).text();
  return Number(text.match(/^oneshelf_live_sockets (\d+)/m)?.[1] ?? 0);
}

element['pages with the element leave no socket behind'] = async ({ shop, page }) => {
  const other = await foreign(shop);
  try {
    const thing = await item(shop, 'W01', some);
    const { secret } = await publishable(shop, [other.origin]);
    await wait(async () => (await sockets(shop)) === 0, 'nobody else listens');
    const visitor = await page();
    await visitor.goto(other.origin);
    // Each frame is a page of its own; every third is closed before its line is open.
    const seen = await visitor.evaluate(async ({ address, all, together }) => {
      let [opened, seen] = [0, 0];
      const known = (frame) => new Promise((resolve) => {
        frame.onload = () => {
          const stock = frame.contentDocument.querySelector('oneshelf-stock');
          const look = () => stock.dataset.state === 'in-stock' && resolve((seen += 1));
          stock.addEventListener('oneshelf-stock', look);
          look();
        };
      });
      const visits = async () => {
        while (opened < all) {
          const leaves = (opened += 1) % 3 === 0;
          const frame = document.createElement('iframe');
          const there = leaves ? new Promise((resolve) => (frame.onload = resolve)) : known(frame);
          frame.src = address;
          document.body.append(frame);
          await there;
          frame.remove();
        }
      };
      await Promise.all(Array.from({ length: together }, visits));
      return seen;
    }, { address: other.page(secret, [thing.sku]), all: PAGES, together: TOGETHER });
    check(seen === PAGES - Math.floor(PAGES / 3), `${seen} pages showed the stock`);
    await wait(async () => (await sockets(shop)) === 0, 'all sockets are gone');
  } finally {
    other.end();
  }
};
