// Goods from one location to another, in the set-up page and at a store's register: asked for, sent
// off, taken in; and what the stock of both ends says meanwhile.
import { join } from 'node:path';
import { signedIn } from './office.mjs';
import * as pages from './pages.mjs';
import { check, item, register, several, wait } from './scenarios.mjs';

export const transfers = {};

/** A second warehouse, and an item of which the first one has some. */
async function goods(shop, sku, name, units) {
  await shop.ask('PUT', '/v1/locations/W02', { name: 'Athy', kind: 'warehouse' });
  await shop.ask('PUT', `/v1/items/${sku}`, { name, barcodes: [`${sku}-CODE`] });
  await shop.ask('POST', '/v1/stock/receive', { location: 'W01', lines: [{ sku, quantity: units }] });
}

async function whole(shop, sku, location) {
  const { locations } = await shop.ask('GET', `/v1/stock/${sku}`);
  return locations.find((l) => l.location === location);
}

async function at(shop, sku, location) {
  const { available, damaged, incoming } = await whole(shop, sku, location);
  return `${available} ${damaged} ${incoming}`;
}

async function opened(setup, form = true) {
  await setup.getByTestId('nav-transfers').click();
  if (!form) return;
  await setup.getByTestId('new-transfer').click();
  await setup.getByTestId('picker').waitFor();
}

/** A place for goods on the way; made in the page by the scenario that comes first. */
async function road(setup) {
  const missing = setup.getByTestId('no-road');
  if ((await missing.count()) === 0) return;
  await setup.getByTestId('add-road').click();
  await setup.getByTestId('location-code').fill('T01');
  await setup.getByTestId('location-name').fill('Our van');
  await setup.getByTestId('form').getByTestId('save').click();
  await missing.waitFor({ state: 'detached' });
}

const line = (setup, sku, available) =>
  setup.locator(`[data-testid=new-line][data-sku="${sku}"][data-available="${available}"]`);
const state = (setup, name) =>
  setup.locator(`[data-testid=transfer-state][data-state=${name}]`).waitFor();

transfers['goods go from one warehouse to another, and the stock with them'] =
  async ({ shop, page, shots }) => {
    await goods(shop, 'RUG-1', 'Travel rug', 5);
    const setup = await signedIn(page, shop);
    await opened(setup);
    await road(setup);
    await setup.getByTestId('transfer-from').selectOption('W01');
    await setup.getByTestId('transfer-to').selectOption('W02');
    // A scanner types the barcode and Enter.
    await setup.getByTestId('picker').fill('RUG-1-CODE');
    await setup.keyboard.press('Enter');
    await line(setup, 'RUG-1', 5).waitFor();
    const save = setup.getByTestId('save');
    await setup.getByTestId('new-units').fill('6');
    check(await save.isDisabled(), 'six of five cannot be sent');
    await setup.getByTestId('new-units').fill('4');
    await pages.accessible(setup, 'a new transfer');
    await setup.screenshot({ path: join(shots, 'setup-transfer-new.png') });
    await save.click();
    await state(setup, 'committed');
    const [from, to] = [await at(shop, 'RUG-1', 'W01'), await at(shop, 'RUG-1', 'W02')];
    check(from === '1 0 0' && to === '0 0 4', `reserved and expected: ${from}, ${to}`);
    await setup.getByTestId('ship-transfer').click();
    await setup.getByTestId('save').click();
    await state(setup, 'in_transit');
    await pages.accessible(setup, 'a transfer on its way');
    await setup.screenshot({ path: join(shots, 'setup-transfer.png') });
    await setup.getByTestId('receive-transfer').click();
    await setup.getByTestId('arrival-good').fill('2');
    await setup.getByTestId('arrival-damaged').fill('1');
    const means = await setup.getByTestId('arrival-means').textContent();
    check(means.includes('1 unit stays on the way'), `what the difference means: ${means}`);
    await pages.accessible(setup, 'an arrival');
    await setup.screenshot({ path: join(shots, 'setup-transfer-arrival.png') });
    await setup.getByTestId('save').click();
    await setup.locator('[data-testid=transfer-line][data-arrived="3"]').waitFor();
    check((await at(shop, 'RUG-1', 'W02')) === '2 1 1', 'two are good, one is damaged, one comes');
    await setup.getByTestId('receive-transfer').click();
    await setup.getByTestId('arrival-good').fill('0');
    check(await setup.getByTestId('save').isDisabled(), 'nothing came, and more may come');
    await setup.getByTestId('arrival-close').check();
    await setup.getByTestId('save').click();
    await state(setup, 'transferred');
    check((await at(shop, 'RUG-1', 'W02')) === '2 1 0', 'nothing is expected any more');
    await setup.getByTestId('transfer-back').click();
    await setup.locator('[data-testid=transfer-row][data-state=transferred]').first().waitFor();
    await setup.screenshot({ path: join(shots, 'setup-transfers.png') });
    // Who looks from the other end sees what came.
    await opened(setup);
    await setup.getByTestId('transfer-from').selectOption('W02');
    await setup.getByTestId('picker').fill('travel');
    await setup.locator('[data-testid=picker-result][data-sku="RUG-1"]').click();
    await line(setup, 'RUG-1', 2).waitFor();
  };

transfers['a step that comes too late is refused in words, and a list is filtered'] =
  async ({ shop, page }) => {
    await goods(shop, 'RUG-2', 'Picnic rug', 3);
    const setup = await signedIn(page, shop);
    await opened(setup);
    await road(setup);
    const body = { from: 'W01', to: 'W02', lines: [{ sku: 'RUG-2', quantity: 3 }] };
    const { id } = await shop.ask('POST', '/v1/transfers', body);
    await setup.getByTestId('transfer-back').click();
    const row = setup.locator(`[data-testid=transfer-row][data-id=${id}]`);
    await row.getByTestId('open-transfer').click();
    await setup.getByTestId('ship-transfer').click();
    await shop.ask('POST', `/v1/transfers/${id}/cancel`, {});
    await setup.getByTestId('save').click();
    const said = (await setup.getByTestId('form-wrong').textContent()).trim();
    check(/^[A-Z].* released\.?$/.test(said) && !said.includes('/'), `in words: ${said}`);
    await setup.keyboard.press('Escape');
    await state(setup, 'released');
    await setup.getByTestId('transfer-back').click();
    await setup.getByTestId('filter-state').selectOption('in_transit');
    await row.waitFor({ state: 'detached' });
    await setup.getByTestId('filter-state').selectOption('released');
    await row.waitFor();
    await setup.getByTestId('filter-to').selectOption('S07');
    await row.waitFor({ state: 'detached' });
  };

transfers['a store with an agent sends by itself, and a transfer fits a width of 320'] =
  async ({ shop, page }) => {
    await goods(shop, 'RUG-3', 'Dog rug', 2);
    const setup = await signedIn(page, shop);
    await opened(setup);
    await road(setup);
    const body = { from: 'W01', to: 'S07', lines: [{ sku: 'RUG-3', quantity: 2 }] };
    const { id } = await shop.ask('POST', '/v1/transfers', body);
    const narrow = await signedIn(() => page({ viewport: { width: 320, height: 640 } }), shop);
    const fits = async (where) => {
      const wide = await narrow.evaluate(() => document.documentElement.scrollWidth);
      check(wide <= 320, `${where} is ${wide} wide`);
    };
    await opened(narrow);
    await narrow.getByTestId('picker').fill('RUG-3');
    await narrow.keyboard.press('Enter');
    await line(narrow, 'RUG-3', 0).waitFor();
    await fits('a new transfer');
    await narrow.getByTestId('transfer-back').click();
    const row = narrow.locator(`[data-testid=transfer-row][data-id=${id}]`);
    await row.getByTestId('open-transfer').click();
    await fits('a transfer');
    await narrow.getByTestId('ship-transfer').click();
    await narrow.getByTestId('save').click();
    await state(narrow, 'in_transit');
    await narrow.getByTestId('agent-does').waitFor();
    check((await narrow.getByTestId('receive-transfer').count()) === 0, 'the store takes it in');
  };

/** A manager at what is on the way, by keyboard alone. */
async function onTheWay(shop, page) {
  await shop.ask('PUT', '/v1/locations/T01', { name: 'Our van', kind: 'transit' });
  const desk = await register(page, shop, 'S07', 'maeve', 'R1');
  await desk.keyboard.press('F1');
  await desk.getByTestId('open-stock').click();
  await desk.getByTestId('stock-page').waitFor();
  await desk.keyboard.press('F4');
  await desk.getByTestId('moving-send').waitFor();
  return desk;
}

const rowOf = (desk, id, more = '') =>
  desk.locator(`[data-testid=moving-row][data-id="${id}"]${more}`);
const booked = (desk, act) =>
  desk.locator(`[data-testid=stock-row][data-act=${act}]`).first().waitFor();

async function becomes(shop, id, name) {
  const reached = async () => (await shop.ask('GET', `/v1/transfers/${id}`)).state === name;
  await wait(reached, `the transfer is ${name}`);
}

transfers['a store unpacks what came, one damaged and one missing'] =
  async ({ shop, page, shots }) => {
    await goods(shop, 'RUG-4', 'Car rug', 5);
    const desk = await onTheWay(shop, page);
    const body = { from: 'W01', to: 'S07', lines: [{ sku: 'RUG-4', quantity: 3 }] };
    const { id } = await shop.ask('POST', '/v1/transfers', body);
    // It is told of before it leaves.
    await rowOf(desk, id, '[data-state=committed]').waitFor();
    await shop.ask('POST', `/v1/transfers/${id}/ship`, {});
    await rowOf(desk, id, '[data-state=in_transit]').waitFor();
    await pages.accessible(desk, 'what is on the way');
    await desk.screenshot({ path: join(shots, 'register-moving.png') });
    await rowOf(desk, id).click();
    // The copy knows the item by its name.
    await desk.getByTestId('unpack-line').filter({ hasText: 'Car rug' }).waitFor();
    check((await desk.getByTestId('unpack-good').inputValue()) === '3', 'all that is to come');
    await pages.wedge(desk, 'RUG-4-CODE');
    await desk.locator('[data-testid=unpack-line][data-sku="RUG-4"][data-selected]').waitFor();
    await desk.getByTestId('unpack-damaged').fill('1');
    check((await desk.getByTestId('unpack-good').inputValue()) === '2', 'the others are good');
    await desk.getByTestId('unpack-good').fill('1');
    const means = await desk.getByTestId('unpack-means').textContent();
    check(means.includes('1 unit still to come'), `what the difference means: ${means}`);
    await desk.getByTestId('unpack-close').click();
    const lost = await desk.getByTestId('unpack-lost').textContent();
    check(lost.includes('1 ×') && lost.includes('Car rug'), `what is lost: ${lost}`);
    await pages.accessible(desk, 'a transfer that is unpacked');
    await desk.screenshot({ path: join(shots, 'register-moving-unpack.png') });
    await desk.getByTestId('unpack-book').click();
    await desk.getByTestId('stock-booked').waitFor();
    await booked(desk, 'arrive');
    await rowOf(desk, id).waitFor({ state: 'detached' });
    await pages.accessible(desk, 'a transfer that is booked');
    await becomes(shop, id, 'transferred');
    const arrived = async () => (await at(shop, 'RUG-4', 'S07')) === '1 1 0';
    await wait(arrived, 'one is good, one is damaged, nothing is expected any more');
    check((await at(shop, 'RUG-4', 'W01')) === '2 0 0', 'the sender has the others');
  };

transfers['a store hands over what the office asked for, its answer lost at first'] =
  async ({ shop, page, shots }) => {
    const thing = await item(shop, 'S07', several);
    const sku = encodeURIComponent(thing.sku);
    const onHand = async () => (await whole(shop, sku, 'S07')).on_hand;
    const before = await onHand();
    const desk = await onTheWay(shop, page);
    const body = { from: 'S07', to: 'W01', lines: [{ sku: thing.sku, quantity: 2 }] };
    const { id } = await shop.ask('POST', '/v1/transfers', body);
    await rowOf(desk, id).click();
    await desk.locator('[data-testid=give-units][data-count="2"]').waitFor();
    await pages.accessible(desk, 'what is to be handed over');
    await desk.screenshot({ path: join(shots, 'register-moving-give.png') });
    const keys = [];
    desk.on('request', (r) => {
      if (r.url().endsWith('/api/stock/acts')) keys.push(r.headers()['idempotency-key']);
    });
    const busy = { status: 503, contentType: 'application/problem+json', body: '{}' };
    await desk.route('**/api/stock/acts', async (route) => {
      await route.fetch();
      await route.fulfill(busy);
    }, { times: 1 });
    await desk.getByTestId('give-do').click();
    await desk.getByTestId('stock-lost').waitFor();
    await desk.getByTestId('stock-ask-again').click();
    await booked(desk, 'hand_over');
    check(keys.length === 2 && keys[0] === keys[1], `the keys were ${keys}`);
    await rowOf(desk, id).waitFor({ state: 'detached' });
    await becomes(shop, id, 'in_transit');
    check((await onHand()) === before - 2, `${await onHand()} of ${before} are left`);
  };

transfers['a store sends two of its own, and not more than its share'] =
  async ({ shop, page, shots }) => {
    const thing = await item(shop, 'S07', several);
    const sku = encodeURIComponent(thing.sku);
    await shop.ask('PUT', `/v1/policies/share/S07/${sku}`, { quantity: 2 });
    const desk = await onTheWay(shop, page);
    const asked = (of) => fetch(`api/items/${of}/here`).then((r) => r.json());
    const share = async () => (await desk.evaluate(asked, sku)).here.share;
    await wait(async () => (await share()) === 2, 'the store has a share of two');
    await desk.getByTestId('moving-send').click();
    await pages.wedge(desk, thing.barcode);
    await desk.locator(`[data-testid=send-line][data-sku="${thing.sku}"]`).waitFor();
    // No place on the way and not the store itself.
    const places = await desk.getByTestId('send-to').locator('option').allTextContents();
    check(!places.some((p) => /van|Quay/.test(p)), `where to: ${places}`);
    await desk.getByTestId('send-to').selectOption('W01');
    await desk.getByTestId('send-units').fill('3');
    await desk.getByTestId('send-do').click();
    await desk.getByTestId('stock-trouble').filter({ hasText: 'share' }).waitFor();
    await pages.accessible(desk, 'more than the share');
    await desk.getByTestId('send-units').fill('2');
    await desk.screenshot({ path: join(shots, 'register-moving-send.png') });
    await desk.getByTestId('send-do').click();
    await booked(desk, 'send');
    const comes = async () => (await whole(shop, sku, 'W01'))?.incoming === 2;
    await wait(comes, 'two are expected at the warehouse');
  };

transfers['a cashier hands over, and somebody else unpacks'] = async ({ shop, page, shots }) => {
  await goods(shop, 'RUG-5', 'Boat rug', 1);
  await shop.ask('PUT', '/v1/locations/T01', { name: 'Our van', kind: 'transit' });
  const body = { from: 'W01', to: 'S07', lines: [{ sku: 'RUG-5', quantity: 1 }] };
  const { id } = await shop.ask('POST', '/v1/transfers', body);
  await shop.ask('POST', `/v1/transfers/${id}/ship`, {});
  const desk = await register(page, shop, 'S07', 'ana', 'R1');
  await desk.keyboard.press('F1');
  await desk.getByTestId('open-stock').click();
  await desk.getByTestId('open-moving').click();
  await rowOf(desk, id).click();
  await desk.getByTestId('stock-look-only').waitFor();
  check((await desk.getByTestId('unpack-book').count()) === 0, 'a cashier has a button to book');
  await pages.accessible(desk, 'a transfer, for a cashier');
  await desk.screenshot({ path: join(shots, 'register-moving-cashier.png') });
};
