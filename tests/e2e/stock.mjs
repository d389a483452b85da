// Stock at the register: who may count, what a count and goods in do to the figures of the hub and
// of the shop page, with the line cut and with an answer that is lost.
import { join } from 'node:path';
import * as pages from './pages.mjs';
import { PINS } from './programs.mjs';
import { check, item, register, scan, several, wait } from './scenarios.mjs';

export const stock = {};

async function opened(desk) {
  await desk.keyboard.press('F1');
  await desk.getByTestId('open-stock').click();
  await desk.getByTestId('stock-page').waitFor();
}

/** A manager at the stock view; the item in hand was scanned by a scanner that types. */
async function counting(shop, page, thing) {
  const desk = await register(page, shop, 'S07', 'maeve', 'R1');
  await opened(desk);
  await take(desk, thing);
  return desk;
}

async function take(desk, thing) {
  await pages.wedge(desk, thing.barcode);
  await desk.locator(`[data-testid=stock-item][data-sku="${thing.sku}"]`).waitFor();
}

const onHand = async (desk) => Number(await desk.getByTestId('stock-on-hand').getAttribute('data-count'));
const booked = (desk, thing, act, quantity) => desk.locator(
  `[data-testid=stock-row][data-sku="${thing.sku}"][data-act=${act}][data-quantity="${quantity}"]`);

async function atHub(shop, sku) {
  const { locations } = await shop.ask('GET', `/v1/stock/${encodeURIComponent(sku)}`);
  return locations.find((l) => l.location === 'S07').available;
}

stock['a manager counts at the register, and the hub follows'] = async ({ shop, page, shots }) => {
  const thing = await item(shop, 'S07', several);
  const shopper = await page();
  await pages.openItem(shopper, shop.hub, thing.sku);
  await pages.counts(shopper, 'S07', thing.units);
  // A cashier sees the figures, and who books them.
  const desk = await register(page, shop, 'S07', 'ana', 'R1');
  await opened(desk);
  await take(desk, thing);
  await desk.getByTestId('stock-look-only').waitFor();
  check((await desk.getByTestId('stock-book').count()) === 0, 'a cashier has a button to book');
  await pages.accessible(desk, 'stock, for a cashier');
  await desk.screenshot({ path: join(shots, 'register-stock-cashier.png') });
  await desk.getByTestId('stock-other').click();
  await pages.signIn(desk, 'maeve', PINS.maeve, 'R1');
  await desk.getByTestId('stock-page').waitFor();
  await take(desk, thing);
  const found = (await onHand(desk)) - 2;
  await desk.getByTestId('stock-quantity').fill(String(found));
  await desk.getByTestId('stock-means').filter({ hasText: '2 fewer' }).waitFor();
  await pages.accessible(desk, 'a count');
  await desk.screenshot({ path: join(shots, 'register-stock-count.png') });
  await desk.getByTestId('stock-book').click();
  await desk.getByTestId('stock-booked').waitFor();
  await booked(desk, thing, 'count', found).waitFor();
  await pages.accessible(desk, 'a count that is booked');
  await pages.counts(shopper, 'S07', thing.units - 2);
  const units = async () => (await atHub(shop, thing.sku)) === thing.units - 2;
  await wait(units, 'the stock of the hub follows the count');
};

stock['goods come in with the line cut, by keyboard, and the hub hears of it'] =
  async ({ shop, page, shots }) => {
    const thing = await item(shop, 'S07', several);
    const shopper = await page();
    await pages.openItem(shopper, shop.hub, thing.sku);
    await pages.counts(shopper, 'S07', thing.units);
    const desk = await counting(shop, page, thing);
    await shop.move('S07', 'line', { up: false });
    await pages.chip(desk, 'hub-chip', 'offline');
    await desk.getByTestId('stock-act-receive').click();
    await desk.keyboard.type('12', { delay: 60 });
    await desk.keyboard.press('Enter');
    await booked(desk, thing, 'receive', 12).waitFor();
    await desk.locator('[data-testid=changes-waiting][data-count="1"]').waitFor();
    await desk.screenshot({ path: join(shots, 'register-stock-offline.png') });
    await pages.counts(shopper, 'S07', thing.units);
    await shop.move('S07', 'line', { up: true });
    const units = async () => (await atHub(shop, thing.sku)) === thing.units + 12;
    await wait(units, 'the hub hears of the goods');
    await pages.chip(desk, 'hub-chip', 'live');
  };

stock['goods whose answer was lost come in once'] = async ({ shop, page, shots }) => {
  const thing = await item(shop, 'S07', several);
  const desk = await counting(shop, page, thing);
  const before = await onHand(desk);
  await desk.getByTestId('stock-act-receive').click();
  await desk.getByTestId('stock-quantity').fill('3');
  const keys = [];
  desk.on('request', (r) => {
    if (r.url().endsWith('/api/stock/acts')) keys.push(r.headers()['idempotency-key']);
  });
  await desk.route('**/api/stock/acts', async (route) => {
    await route.fetch();
    await route.abort();
  }, { times: 1 });
  await desk.getByTestId('stock-book').click();
  // It is asked for again after a reload of the page as well.
  await desk.getByTestId('stock-lost').waitFor();
  await desk.reload();
  await desk.getByTestId('scan-box').waitFor();
  await opened(desk);
  await desk.getByTestId('stock-lost').waitFor();
  await pages.accessible(desk, 'a lost answer');
  await desk.screenshot({ path: join(shots, 'register-stock-lost.png') });
  await desk.getByTestId('stock-ask-again').click();
  await booked(desk, thing, 'receive', 3).waitFor();
  check(keys.length === 2 && keys[0] === keys[1], `the keys were ${keys}`);
  await take(desk, thing);
  check((await onHand(desk)) === before + 3, `on hand ${await onHand(desk)}, before ${before}`);
};

stock['a scan in the stock view sells nothing'] = async ({ shop, page }) => {
  const [one, two] = [await item(shop, 'S07', several), await item(shop, 'S07', several)];
  const desk = await register(page, shop, 'S07', 'maeve', 'R1');
  await scan(shop, 'S07', one.barcode);
  await pages.line(desk, one.sku, 1);
  await opened(desk);
  // The agent looks up what its own scanner sees, once the view has said so.
  await desk.locator('[data-testid=stock-page][data-looking]').waitFor();
  for (const thing of [two, one]) {
    await scan(shop, 'S07', thing.barcode);
    await desk.locator(`[data-testid=stock-item][data-sku="${thing.sku}"]`).waitFor();
  }
  const lines = async () => {
    const ticket = await desk.evaluate(() => fetch('api/ticket').then((r) => r.json()));
    return ticket.lines.map((l) => `${l.sku} ${l.quantity}`).join(', ');
  };
  await wait(async () => (await lines()) === `${one.sku} 1`, 'the ticket is as it was');
  // A figure that is not booked yet is not dropped for the next scan.
  await desk.getByTestId('stock-quantity').fill('4');
  await pages.wedge(desk, two.barcode);
  await desk.getByTestId('stock-trouble').waitFor();
  check((await desk.getByTestId('stock-quantity').inputValue()) === '4', 'the figure stays');
  await desk.keyboard.press('Escape');
  await pages.wedge(desk, '4006381333932');
  await desk.getByTestId('stock-trouble').waitFor();
  await desk.keyboard.press('Escape');
  await desk.keyboard.press('Escape');
  await pages.line(desk, one.sku, 1);
};
