// Goods from one location to another, in the set-up page: asked for, sent off, taken in; and what
// the stock of both ends says meanwhile.
import { join } from 'node:path';
import { signedIn } from './office.mjs';
import * as pages from './pages.mjs';
import { check } from './scenarios.mjs';

export const transfers = {};

/** A second warehouse, and an item of which the first one has some. */
async function goods(shop, sku, name, units) {
  await shop.ask('PUT', '/v1/locations/W02', { name: 'Athy', kind: 'warehouse' });
  await shop.ask('PUT', `/v1/items/${sku}`, { name, barcodes: [`${sku}-CODE`] });
  await shop.ask('POST', '/v1/stock/receive', { location: 'W01', lines: [{ sku, quantity: units }] });
}

async function at(shop, sku, location) {
  const { locations } = await shop.ask('GET', `/v1/stock/${sku}`);
  const { available, damaged, incoming } = locations.find((l) => l.location === location);
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
