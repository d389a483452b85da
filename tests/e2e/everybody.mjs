// The scenarios of those who use no mouse, read German, or have a screen read to them.
import { join } from 'node:path';
import { SECTIONS, signedIn } from './office.mjs';
import * as pages from './pages.mjs';
import { PINS } from './programs.mjs';
import { check, item, register, scan, several } from './scenarios.mjs';

export const everybody = {};

const focused = (at, attribute) =>
  at.evaluate((name) => document.activeElement?.getAttribute(name), attribute);

/** Tab until an element has the focus; a person would give up too. */
export async function tabTo(at, attribute, value) {
  for (let tries = 0; tries < 40; tries += 1) {
    await at.keyboard.press('Tab');
    if ((await focused(at, attribute)) === value) return;
  }
  throw new Error(`Tab never came to ${value}`);
}

/** As fast as a person types: a burst would be taken for a scanner. */
export const type = (at, text) => at.keyboard.type(text, { delay: 60 });

everybody['a sale with the keyboard alone'] = async ({ shop, page }) => {
  const thing = await item(shop, 'S02', several);
  const desk = await page();
  await desk.goto(shop.agents.S02);
  await desk.getByTestId('staff-tile').first().waitFor();
  await tabTo(desk, 'data-staff', 'tom');
  await desk.keyboard.press('Enter');
  await type(desk, PINS.tom);
  await desk.locator('[data-testid=float],[data-testid=scan-box]').first().waitFor();
  if (await desk.getByTestId('float').count()) {
    await type(desk, '150');
    await desk.keyboard.press('Enter');
    await desk.getByTestId('scan-box').waitFor();
  }
  await type(desk, thing.barcode);
  await desk.keyboard.press('Enter');
  await pages.line(desk, thing.sku, 1);
  await desk.keyboard.press('+');
  await pages.line(desk, thing.sku, 2);
  await desk.keyboard.press('Escape');
  await type(desk, '3*');
  await pages.line(desk, thing.sku, 3);
  await desk.keyboard.press('F12');
  await desk.getByTestId('tender').waitFor();
  await type(desk, '500');
  await desk.keyboard.press('Enter');
  await desk.getByTestId('receipt-number').waitFor();
  const change = Number(await desk.getByTestId('change').getAttribute('data-minor'));
  check(change === 50_000 - 3 * thing.price, `the change is ${change}`);
  await desk.keyboard.press('Enter');
  await desk.getByTestId('ticket-empty').waitFor();
  // The rest of the screen: receipts, back, the drawer's question, back.
  await desk.keyboard.press('F8');
  await desk.getByTestId('receipts-panel').waitFor();
  await desk.keyboard.press('Escape');
  await desk.getByTestId('receipts-panel').waitFor({ state: 'detached' });
};

everybody['the pages speak German'] = async ({ shop, page, shots }) => {
  const german = { locale: 'de-DE' };
  const thing = await item(shop, 'S07', several);
  const desk = await register(page, shop, 'S07', 'ana', 'R1', german);
  await scan(shop, 'S07', thing.barcode);
  await pages.line(desk, thing.sku, 1);
  const price = new Intl.NumberFormat('de-DE', { style: 'currency', currency: 'EUR' }).format(thing.price / 100);
  check((await desk.getByTestId('total').textContent()).trim() === price, 'the total is written as in German');
  await says(desk, ['Bezahlen', 'Summe']);
  await desk.screenshot({ path: join(shots, 'register-german.png') });
  await pages.giveExact(desk);
  await desk.getByTestId('receipt-number').waitFor();
  const shopper = await page(german);
  await pages.openItem(shopper, shop.hub, thing.sku);
  await says(shopper, ['In der Filiale abholen', 'Einen für 15 Minuten zurücklegen']);
  await shopper.screenshot({ path: join(shots, 'shop-german.png') });
  // What the agent refuses it says in English; the page has a sentence for each of its codes.
  const tom = await page(german);
  await tom.goto(shop.agents.S02);
  await tom.locator('[data-testid=staff-tile][data-staff=tom]').click();
  for (const key of '0000') await tom.locator(`[data-testid=pin-key][data-key="${key}"]`).click();
  const enter = tom.getByTestId('pin-enter');
  if (await enter.isVisible()) await enter.click();
  await says(tom, ['Nicht diese PIN. Noch 4 Versuche.']);
  const setup = await signedIn(page, shop, german);
  await says(setup, ['Artikel und Bestand']);
};

everybody['a shopper is told in his words why nothing is held'] = async ({ shop, page, shots }) => {
  const thing = await item(shop, 'S07', several);
  const kinds = { not_enough_available: 'just_went', not_promised_now: 'not_now',
    too_many_holds: 'too_many_holds',
    too_many_requests: 'too_many_tries', item_retired: 'not_sold',
    location_retired: 'store_closed', busy: 'no_answer', malformed: 'refused' };
  for (const locale of ['en-IE', 'de-DE']) {
    const shopper = await page({ locale });
    await pages.openItem(shopper, shop.hub, thing.sku);
    await pages.choose(shopper, 'S07');
    for (const [code, kind] of Object.entries(kinds)) {
      const { status } = await (await fetch(`${shop.hub}/problems/${code}`,
        { headers: { accept: 'application/json' } })).json();
      const refusal = { status, json: { code, title: code, detail: 'the hub says it so' } };
      await shopper.route('**/v1/public/holds', (r) => r.fulfill(refusal), { times: 1 });
      await shopper.locator('[data-testid=hold]:visible').click();
      const told = shopper.locator(`[data-testid=hold-trouble][data-kind=${kind}]`);
      await told.waitFor();
      const said = await told.textContent();
      check(!said.includes('the hub'), `${code} is told in the words of the hub`);
    }
    await pages.accessible(shopper, 'a hold that was refused', ['light']);
    await shopper.screenshot({ path: join(shots, `shop-trouble-${locale}.png`) });
  }
};

everybody['the set-up page names the field and not its pointer'] = async ({ shop, page }) => {
  const setup = await signedIn(page, shop);
  await setup.getByTestId('nav-people').click();
  await setup.getByTestId('add-person').click();
  await setup.getByTestId('person-name').fill('Nora');
  await setup.getByTestId('person-code').fill('nora');
  await setup.getByTestId('person-pin').fill('123');
  await setup.getByTestId('save').click();
  const told = (await setup.getByTestId('form-wrong').textContent()).trim();
  check(told === 'Pin: 4 digits for this role', `it is told ${told}`);
};

async function says(at, words) {
  const lang = await at.evaluate(() => document.documentElement.lang);
  check(lang.startsWith('de'), `the page says that it is in ${lang}`);
  for (const text of words) await at.getByText(text).filter({ visible: true }).first().waitFor();
}

everybody['the set-up page refuses in German'] = async ({ shop, page, shots }) => {
  const setup = await signedIn(page, shop, { locale: 'de-DE' });
  await setup.getByTestId('nav-people').click();
  await setup.getByTestId('add-person').click();
  await setup.getByTestId('person-name').fill('Nora');
  await setup.getByTestId('person-code').fill('nora');
  await setup.getByTestId('person-pin').fill('123');
  await setup.getByTestId('save').click();
  await says(setup, ['Eine PIN hat vier Ziffern']);
  await setup.screenshot({ path: join(shots, 'setup-refused-german.png') });
  await setup.getByTestId('person-pin').fill('1234');
  await setup.getByTestId('person-code').fill('no such code');
  await setup.getByTestId('save').click();
  await says(setup, ['Ein Code besteht aus']);
  await setup.keyboard.press('Escape');
  await setup.getByTestId('nav-items').click();
  const rows = ['sku,name,barcode,price', 'G-1,Filz,,nichts', 'G-2,,,1.00', 'G-3,Kork,zwölf,1.00'];
  const file = (text) => ({ name: 'artikel.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
  await setup.getByTestId('import-items').click();
  await setup.getByTestId('import-file').setInputFiles(file(rows.join('\n')));
  await setup.getByTestId('import-start').click();
  await says(setup, ['Der Preis ist kein Betrag', 'Ein Name hat 1 bis 200 Zeichen.',
    'Ein Strichcode hat']);
  await setup.screenshot({ path: join(shots, 'setup-import-german.png') });
  await setup.getByTestId('import-file').setInputFiles(file('sku,colour\nG-4,red'));
  await says(setup, ['Noch keine Spalte für: Name']);
  check(await setup.getByTestId('import-start').isDisabled(), 'nothing can be taken in yet');
};

everybody['the register shuts nobody out'] = async ({ shop, page }) => {
  const thing = await item(shop, 'S07', several);
  const desk = await page();
  await desk.goto(shop.agents.S07);
  await desk.getByTestId('staff-tile').first().waitFor();
  await pages.accessible(desk, 'signing in');
  await pages.signIn(desk, 'ana', PINS.ana, 'R1');
  await scan(shop, 'S07', thing.barcode);
  await pages.line(desk, thing.sku, 1);
  await pages.accessible(desk, 'selling');
  await pages.wedge(desk, '4006381333932');
  await desk.getByTestId('not-found').waitFor();
  await pages.accessible(desk, 'an unknown barcode');
  await desk.keyboard.press('Escape');
  await desk.getByTestId('pay').click();
  await pages.accessible(desk, 'paying');
  await desk.getByTestId('pay-done').click();
  await desk.getByTestId('receipt-number').waitFor();
  await pages.accessible(desk, 'after the sale');
  await desk.getByTestId('receipts').click();
  await desk.getByTestId('sale').first().waitFor();
  await pages.accessible(desk, 'the receipts');
};

everybody['the shop page shuts nobody out'] = async ({ shop, page }) => {
  // Its look is the retailer's, whatever the device wants.
  const light = ['light'];
  const thing = await item(shop, 'S02', several);
  const shopper = await page();
  await shopper.goto(`${shop.hub}/shop/`);
  await shopper.getByTestId('item').first().waitFor();
  await pages.accessible(shopper, 'the grid', light);
  await pages.openItem(shopper, shop.hub, thing.sku);
  await pages.accessible(shopper, 'an item', light);
  await pages.hold(shopper, 'S02');
  await shopper.getByTestId('countdown').first().waitFor();
  await pages.accessible(shopper, 'a hold', light);
  await shopper.getByTestId('let-go').first().click();
};

everybody['the bench page shuts nobody out'] = async ({ shop, page }) => {
  const bench = await page();
  await bench.goto(shop.bench);
  await bench.getByTestId('bench-store').first().waitFor();
  await pages.accessible(bench, 'the bench');
};

everybody['the set-up page shuts nobody out'] = async ({ shop, page }) => {
  const door = await page();
  await door.goto(`${shop.hub}/setup/`);
  await door.getByTestId('secret').waitFor();
  await pages.accessible(door, 'the door');
  const setup = await signedIn(page, shop);
  for (const section of SECTIONS) {
    await setup.getByTestId(`nav-${section}`).click();
    await setup.waitForLoadState('networkidle');
    await pages.accessible(setup, section);
  }
  for (const [section, opener] of [['people', 'add-person'], ['keys', 'add-key'],
    ['locations', 'add-location'], ['locations', 'enrol'], ['policies', 'add-policy']]) {
    await setup.getByTestId(`nav-${section}`).click();
    await setup.getByTestId(opener).first().click();
    await setup.getByRole('dialog').waitFor();
    await pages.accessible(setup, opener);
    await setup.keyboard.press('Escape');
    await setup.getByRole('dialog').waitFor({ state: 'detached' });
  }
};

everybody['every page fits a width of 320'] = async ({ shop, page }) => {
  const narrow = () => page({ viewport: { width: 320, height: 640 } });
  const fits = async (at, where) => {
    const wide = await at.evaluate(() => document.documentElement.scrollWidth);
    check(wide <= 320, `${where} is ${wide} wide`);
  };
  const setup = await signedIn(narrow, shop);
  for (const section of SECTIONS) {
    await setup.getByTestId(`nav-${section}`).click();
    await setup.waitForLoadState('networkidle');
    await fits(setup, section);
  }
  const bench = await narrow();
  await bench.goto(shop.bench);
  await bench.getByTestId('bench-store').first().waitFor();
  await fits(bench, 'the bench');
  const thing = await item(shop, 'S07', several);
  const shopper = await narrow();
  await pages.openItem(shopper, shop.hub, thing.sku);
  await fits(shopper, 'an item of the shop');
  const desk = await register(narrow, shop, 'S07', 'ana', 'R1');
  await scan(shop, 'S07', thing.barcode);
  await pages.line(desk, thing.sku, 1);
  await fits(desk, 'a ticket');
  await desk.getByTestId('pay').click();
  await fits(desk, 'paying');
};
