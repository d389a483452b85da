// The scenarios of the set-up page: an operator joins a store and brings items.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as pages from './pages.mjs';
import { check, wait } from './scenarios.mjs';

export const office = {};

/** The set-up page with its operator signed in. */
export async function signedIn(page, shop, options) {
  const setup = await page(options);
  await setup.goto(`${shop.hub}/setup/`);
  await setup.getByTestId('secret').fill(shop.secret);
  await setup.getByTestId('sign-in').click();
  await setup.locator('[data-testid^=nav-]').first().waitFor();
  return setup;
}

export const SECTIONS = ['overview', 'items', 'shop', 'locations', 'stores', 'people', 'agents', 'transfers', 'policies', 'channels', 'keys'];

office['every section of the set-up page opens'] = async ({ shop, page, shots }) => {
  const setup = await signedIn(page, shop);
  for (const section of SECTIONS) {
    await setup.getByTestId(`nav-${section}`).click();
    await setup.waitForLoadState('networkidle');
    await setup.screenshot({ path: join(shots, `setup-${section}.png`) });
  }
  check((await setup.getByTestId('refusal').count()) === 0, 'a section was refused');
};

office['a store is added and its agent gets a code'] = async ({ shop, page, shots }) => {
  const setup = await signedIn(page, shop);
  await setup.getByTestId('nav-locations').click();
  await setup.getByTestId('add-location').click();
  await setup.getByTestId('location-code').fill('S11');
  await setup.getByTestId('location-name').fill('Eyre Square');
  await setup.getByTestId('save').click();
  const row = setup.locator('[data-testid=location-row][data-code=S11]');
  await row.waitFor();
  await row.getByTestId('enrol').click();
  await setup.getByTestId('qr').waitFor();
  const code = (await setup.getByTestId('enrol-code').textContent()).trim();
  check(/^[0-9A-Z]{4}(-[0-9A-Z]{4}){3}$/.test(code), `an enrolment code, not ${code}`);
  check((await setup.getByTestId('enrol-command').textContent()).includes(code), 'a command with the code');
  await setup.screenshot({ path: join(shots, 'setup-code.png') });
};

office['a store that falls silent shows its risk, and its agent is given up'] = async ({ shop, page, shots }) => {
  const setup = await signedIn(page, shop);
  await setup.getByTestId('nav-stores').click();
  const row = (link) => setup.locator(`[data-testid=store-stands][data-location=S02][data-link=${link}]`);
  await row('fresh').waitFor();
  await shop.move('S02', 'line', { up: false });
  // Three heartbeats and a little: the hub says stale then.
  await row('stale').waitFor({ timeout: 30_000 });
  await row('stale').getByTestId('open-store').click();
  const share = await setup.locator('[data-testid=figure-share]').textContent();
  await setup.screenshot({ path: join(shots, 'setup-store.png') });
  await pages.accessible(setup, 'a store that is silent');
  await setup.getByTestId('retire-agent').click();
  const words = await setup.getByTestId('retire-means').textContent();
  const [units] = share.match(/\d+/);
  check(words.startsWith(`${units} unit`), `what it means, with figures: ${words}`);
  await setup.getByTestId('retire-code').fill('S07');
  check(await setup.getByTestId('save').isDisabled(), 'another code confirms nothing');
  await setup.getByTestId('retire-code').fill('S02');
  await setup.screenshot({ path: join(shots, 'setup-retire-agent.png') });
  await setup.getByTestId('save').click();
  await setup.getByTestId('retire-agent').waitFor({ state: 'detached' });
  const now = await shop.ask('GET', '/v1/stores/S02');
  check(String(now.in_doubt.units) === units, `all of it is in doubt: ${JSON.stringify(now)}`);
  if (units !== '0') await setup.locator('[data-testid=risk][data-code=in_doubt]').waitFor();
  await shop.move('S02', 'line', { up: true });
  // It comes back as another life, says what it had, and has its share by the policy again.
  await setup.getByTestId('store-link').filter({ hasText: 'Live' }).waitFor({ timeout: 20_000 });
  await wait(async () => {
    const then = await shop.ask('GET', '/v1/stores/S02');
    return then.incarnation && then.incarnation !== now.incarnation && then.in_doubt.units === 0;
  }, 'nothing is in doubt any more');
};

office['a channel is made, shows its secret once, and is switched off'] = async ({ shop, page, shots }) => {
  const setup = await signedIn(page, shop);
  await setup.getByTestId('nav-channels').click();
  await setup.getByTestId('add-channel').click();
  await setup.getByTestId('channel-name').fill('Outlet');
  await setup.getByTestId('channel-code').fill('outlet');
  await setup.getByTestId('save').click();
  const secret = (await setup.getByTestId('channel-secret').textContent()).trim();
  check(/^whsec_[A-Za-z0-9+/]{43}=$/.test(secret), `a secret, not ${secret}`);
  await setup.screenshot({ path: join(shots, 'setup-channel-secret.png') });
  await setup.keyboard.press('Escape');
  const row = setup.locator('[data-testid=channel-row][data-code=outlet]');
  await row.getByTestId('open-channel').click();
  check(!(await setup.content()).includes(secret), 'the secret is not shown again');
  await setup.getByTestId('disable').click();
  await setup.getByTestId('save').click();
  await setup.getByTestId('enable').click();
  await setup.getByTestId('disable').waitFor();
  await setup.screenshot({ path: join(shots, 'setup-channel.png') });
};

office['a CSV file with a bad row is taken in but for that row'] = async ({ shop, page, shots }) => {
  const setup = await signedIn(page, shop);
  await setup.getByTestId('nav-items').click();
  const rows = ['sku,name,barcode,price,tax', 'NEW-1,Slate coaster,,4.50,standard',
    'NEW-2,Felt coaster,,nothing,standard', 'NEW-3,"Cork coaster, ""round""",,3.20,standard'];
  await setup.getByTestId('import-items').click();
  await setup.getByTestId('import-file').setInputFiles({ name: 'items.csv', mimeType: 'text/csv',
    buffer: Buffer.from(rows.join('\n')) });
  await setup.getByTestId('import-start').click();
  await setup.locator('[data-testid=import-progress][data-state=done]').waitFor();
  const wrong = setup.getByTestId('import-error');
  await wrong.first().waitFor();
  check((await wrong.count()) === 1, 'one row was left out');
  const said = await wrong.first().textContent();
  check(/^\s*3\D/.test(said) && /price/i.test(said), `the row and why: ${said}`);
  await setup.screenshot({ path: join(shots, 'setup-import.png') });
  const found = await shop.ask('GET', '/v1/items/NEW-3');
  check(found.name === 'Cork coaster, "round"', `NEW-3 is called ${found.name}`);
};

office['columns are mapped once, a report is put right, and the catalogue goes out again'] =
  async ({ shop, page, shots }) => {
    const setup = await signedIn(page, shop);
    await setup.getByTestId('nav-items').click();
    const choose = (name, text) => setup.getByTestId('import-file')
      .setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });
    const ended = (state) =>
      setup.locator(`[data-testid=import-progress][data-state=${state}]`).waitFor();
    const saved = async (button) => {
      const [file] = await Promise.all([
        setup.waitForEvent('download'), setup.getByTestId(button).click(),
      ]);
      return readFileSync(await file.path(), 'utf8');
    };
    const head = 'Artikelnr;Bezeichnung;Farbe;VK';
    await choose('erp.csv', `${head}\nERP-1;=Brush;red;12,50\nERP-2;Comb;blue;dear\n`);
    const rows = setup.getByTestId('import-row');
    await rows.first().waitFor();
    const effects = await rows.evaluateAll((all) => all.map((row) => row.dataset.effect));
    check(effects.join() === 'new,left_out', `the first rows would be ${effects}`);
    const mark = await setup.getByTestId('import-decimal').inputValue();
    check(mark === 'comma', `amounts have a ${mark}`);
    await pages.accessible(setup, 'a file before it is taken in');
    await setup.screenshot({ path: join(shots, 'setup-import-look.png'), fullPage: true });
    await setup.getByTestId('import-start').click();
    await ended('done');
    const report = await saved('import-report');
    check(report.includes('ERP-2;Comb;blue;dear;3;price_malformed;'), `the report is ${report}`);
    await choose('report.csv', report.replace('dear', '3,20'));
    await setup.getByTestId('import-columns').getByText('Known as').waitFor();
    await setup.getByTestId('import-start').click();
    await ended('done');
    const comb = await shop.ask('GET', '/v1/items/ERP-2');
    check(comb.price.minor === 320, `the comb costs ${comb.price.minor}`);
    const items = await saved('export-items');
    check(items.startsWith('\ufeffsku,name,'), 'a spreadsheet sees that it is UTF-8');
    check(items.includes('ERP-1,"\'=Brush",'), 'and takes no name for a formula');
  };
