// The states of the pages worth a picture: how to get there, at which size.
import { displayScenes } from './display-scenes.mjs';
import { lifeScenes, officeScenes } from './office-scenes.mjs';
import { movingScenes } from './moving-scenes.mjs';
import { stockScenes } from './stock-scenes.mjs';

export function scenes(first) {
  const register = `http://127.0.0.1:${first + 1}/`;
  const shop = `http://127.0.0.1:${first}/shop/`;
  const setup = `http://127.0.0.1:${first}/setup/`;
  const bench = `http://127.0.0.1:${first + 2}/`;
  const office = async (page, section, query = '') => {
    await page.goto(`${setup}${query}#${section}`);
    const secret = page.getByTestId('secret');
    await secret.or(page.getByTestId('nav-shop')).first().waitFor();
    if (await secret.isVisible()) {
      await secret.fill('osa_demo');
      await page.keyboard.press('Enter');
      await page.getByTestId('nav-shop').waitFor();
    }
  };
  const post = (url, body) =>
    fetch(url, { method: 'POST', body: JSON.stringify(body ?? {}),
      headers: { 'content-type': 'application/json' } });
  const scan = async (page, code) => {
    await page.keyboard.type(code, { delay: 2 });
    await page.keyboard.press('Enter');
  };
  const usual = {
    link: { state: 'live', since: new Date().toISOString(), last_answer_age_ms: 90, waiting: 0 },
    printer: { state: 'ready', since: new Date().toISOString(), waiting: 0, paused: false },
    scanner: { state: 'ready' }, drawer: { state: 'closed', since: null },
    life: { state: 'sound', since: null, life: null, may_pay: true },
  };
  const door = async (page, query = '') => {
    await post(`${register}mock/reset`);
    await post(`${register}mock/state`, usual);
    await page.goto(register + query);
    await page.getByTestId('staff-tile').first().waitFor();
  };
  const enter = async (page, query) => {
    await door(page, query);
    await page.getByTestId('staff-tile').first().click();
    await page.keyboard.type('1234');
    await page.getByTestId('float').fill('150');
    await page.keyboard.press('Enter');
    await page.getByTestId('scan-box').waitFor();
  };
  const sell = async (page, query) => {
    await enter(page, query);
    for (const code of ['5391520940118', '5391520940224', '5391520940330', '5391520941030',
      '5391520940712', '5391520940866']) {
      // By the serial way: keys are no burst on a machine that is busy.
      await post(`${register}mock/scan`, { code });
      await page.locator('[data-testid=ticket-line]').last().waitFor();
    }
    await page.locator('[data-sku="LA-400-CLY"]').first().waitFor();
  };
  const pay = async (page) => {
    await sell(page);
    await page.keyboard.press('F12');
    await page.getByTestId('tender').fill('250');
  };
  const minutes = (n) => new Date(Date.now() - n * 60_000).toISOString();
  const someScans = [
    { at: minutes(0), from: 'scanner', symbology: 'gs1_data_matrix',
      text: '010539152094086617271130' + '10AB-17<GS>21S000177',
      bytes: '3031303533393135', item: 'Oat bar, salted caramel', refused: null,
      meaning: { kind: 'elements', says: [{ ai: '01', text: '05391520940866' },
        { ai: '17', text: '271130' }, { ai: '10', text: 'AB-17' },
        { ai: '21', text: 'S000177' }] } },
    { at: minutes(1), from: 'scanner', symbology: 'ean13', text: '5391520940118',
      bytes: '35333931353230', item: 'Trail mug', refused: null,
      meaning: { kind: 'gtin', says: '05391520940118' } },
    { at: minutes(3), from: 'page', symbology: null, text: '5391520940548',
      bytes: '35333931353230', item: null, refused: 'item_unknown',
      meaning: { kind: 'wrong_check_digit' } },
  ];
  const devices = async (page, query) => {
    await sell(page, query);
    await page.keyboard.press('F12');
    await page.getByTestId('tender').fill('250');
    await page.keyboard.press('Enter');
    await page.getByTestId('change').waitFor();
    await post(`${register}mock/state`, { printer: { state: 'no_paper', waiting: 1,
      paused: false, since: minutes(12) } });
    await post(`${register}mock/world`, { scans: someScans, scale: 'ready' });
    await page.keyboard.press('F8');
    await page.getByTestId('reprint').first().click();
    await post(`${register}mock/world`, { unconfirmed: true });
    await page.getByTestId('reprinted').waitFor();
    await page.getByTestId('reprint').first().click();
    await page.getByTestId('print-question').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('F1');
    await page.getByTestId('all-devices').click();
    await page.getByTestId('job').nth(2).waitFor();
  };
  const channel = async (page) => {
    await office(page, 'channels');
    await page.getByTestId('open-channel').first().click();
    await page.getByTestId('attempts').first().click();
    await page.getByTestId('order-row').first().waitFor();
  };
  const list = [
    { name: 'r01-sign-in', play: (p) => door(p) },
    { name: 'r02-pin', async play(p) {
      await door(p);
      await p.getByTestId('staff-tile').first().click();
      await p.keyboard.type('9999');
      await p.getByText('4 tries left').waitFor();
      await p.keyboard.type('12');
    } },
    { name: 'r03-float', async play(p) {
      await door(p);
      await p.getByTestId('staff-tile').first().click();
      await p.keyboard.type('1234');
      await p.getByTestId('float').fill('150');
    } },
    { name: 'r04-empty', play: (p) => enter(p) },
    { name: 'r05-selling', play: (p) => sell(p) },
    { name: 'r06-selling-dark-de', dark: true, play: (p) => sell(p, '?lang=de') },
    { name: 'r07-selling-1024', width: 1024, height: 768, play: (p) => sell(p) },
    { name: 'r08-selling-phone', width: 390, height: 844, full: true, play: (p) => sell(p) },
    { name: 'r09-search', async play(p) {
      await sell(p);
      await p.keyboard.press('F2');
      await p.keyboard.type('lant', { delay: 60 });
      await p.getByTestId('result').first().waitFor();
    } },
    { name: 'r10-pay', play: pay },
    { name: 'r11-pay-1024', width: 1024, height: 768, play: pay },
    { name: 'r12-paid', async play(p) {
      await pay(p);
      await p.keyboard.press('Enter');
      await p.getByTestId('change').waitFor();
      await p.waitForTimeout(250);
    } },
    { name: 'r13-paid-no-paper', async play(p) {
      await pay(p);
      await post(`${register}mock/state`, { printer: { state: 'no_paper', waiting: 0,
        paused: false, since: new Date().toISOString() } });
      await p.keyboard.press('Enter');
      await p.getByTestId('printer-notice').waitFor();
    } },
    { name: 'r14-print-question', async play(p) {
      await pay(p);
      await post(`${register}mock/world`, { unconfirmed: true });
      await p.keyboard.press('Enter');
      await p.getByTestId('print-question').waitFor();
    } },
    { name: 'r15-offline', async play(p) {
      await sell(p);
      await post(`${register}mock/state`, { link: { state: 'offline', waiting: 3,
        since: new Date(Date.now() - 12 * 60_000).toISOString(), last_answer_age_ms: 720_000 } });
      for (let i = 0; i < 7; i += 1) await scan(p, '5391520940866');
      await p.getByTestId('line-warning').last().waitFor();
      await p.waitForTimeout(2200);
    } },
    { name: 'r16-not-found', async play(p) {
      await sell(p);
      await scan(p, '5391520940548');
      await p.getByTestId('not-found').waitFor();
    } },
    { name: 'r17-receipts', async play(p) {
      await pay(p);
      await p.keyboard.press('Enter');
      await p.getByTestId('change').waitFor();
      await p.keyboard.press('F8');
      await p.getByTestId('sale').first().waitFor();
    } },
    { name: 'r18-menu', async play(p) {
      await sell(p);
      await p.getByTestId('menu').click();
    } },
    { name: 'r19-void', async play(p) {
      await sell(p);
      await p.keyboard.press('Shift+Delete');
      await p.getByTestId('void-ticket-yes').waitFor();
    } },
    { name: 'r20-paper-idle', async play(p) {
      await sell(p);
      await post(`${register}mock/state`, { printer: { state: 'no_paper', waiting: 0,
        paused: false, since: new Date().toISOString() } });
      await p.getByTestId('printer-notice').waitFor();
    } },
    { name: 'r25-drawer-open', async play(p) {
      await sell(p);
      await post(`${register}mock/state`, { drawer: { state: 'open', since: minutes(2) } });
      await p.getByTestId('drawer-open').waitFor();
    } },
    { name: 'r21-expired', async play(p) {
      await sell(p);
      await scan(p, '010539152094086617261031' + '10OLD');
      await p.getByTestId('expired').waitFor();
    } },
    { name: 'r22-weigh', async play(p) {
      await sell(p);
      await scan(p, '4006381333931');
      await p.getByTestId('weight').fill('0.862');
    } },
    { name: 'r26-weigh-moving', async play(p) {
      await sell(p);
      await post(`${register}mock/world`, { scale: 'ready' });
      await scan(p, '4006381333931');
      await p.getByTestId('scale-says').waitFor();
    } },
    ...[['', {}], ['-dark-de', { dark: true, query: '?lang=de' }],
      ['-1024', { width: 1024, height: 768 }],
      ['-phone', { width: 390, height: 844, full: true }],
      ['-phone-dark', { width: 390, height: 844, full: true, dark: true }],
    ].map(([name, { query, ...look }]) => ({ name: `r23-devices${name}`, ...look, async play(p) {
      await devices(p, query);
    } })),
    { name: 'r24-devices-well', async play(p) {
      await enter(p);
      await p.keyboard.press('F1');
      await p.getByTestId('all-devices').click();
      await p.getByTestId('device-printer').waitFor();
    } },
    ...displayScenes(register, post),
    ...officeScenes(`http://127.0.0.1:${first}/`, office, post),
    ...lifeScenes(register, enter, post),
    ...stockScenes(register, door, enter, post, scan),
    ...movingScenes(register, door, enter, post, scan),
    { name: 's01-grid', async play(p) {
      await p.goto(shop);
      await p.getByTestId('item').nth(10).waitFor();
    } },
    { name: 's02-product', async play(p) {
      await p.goto(`${shop}#/item/FJ-750-MOS`);
      await p.getByTestId('store-row').first().waitFor();
    } },
    { name: 's03-held', async play(p) {
      await p.goto(`${shop}#/item/FJ-750-MOS`);
      await p.getByTestId('hold').first().click();
      await p.getByTestId('countdown').waitFor();
    } },
    { name: 's04-just-went', async play(p) {
      await p.goto(`${shop}#/item/DP-22-SLA`);
      await p.getByTestId('store-row').first().waitFor();
      await p.route('**/v1/public/holds', (r) => r.fulfill({ status: 409,
        contentType: 'application/problem+json',
        body: JSON.stringify({ status: 409, code: 'not_enough_available', detail: 'x' }) }));
      await p.getByTestId('hold').first().click();
      await p.getByTestId('hold-trouble').waitFor();
    } },
    { name: 's05-product-phone', width: 390, height: 844, async play(p) {
      await p.goto(`${shop}#/item/LA-400-CLY`);
      await p.getByTestId('store-row').first().waitFor();
    } },
    { name: 's06-grid-phone', width: 390, height: 844, async play(p) {
      await p.goto(shop);
      await p.getByTestId('item').nth(10).waitFor();
    } },
    { name: 's07-hostile', async play(p) {
      await p.goto(`${shop}#/item/XX-HOSTILE`);
      await p.getByTestId('store-row').first().waitFor();
    } },
    { name: 's08-tablet-de', width: 834, height: 1112, async play(p) {
      await p.goto(`${shop}?lang=de#/item/LA-400-CLY`);
      await p.getByTestId('store-row').first().waitFor();
    } },
    { name: 's09-320', width: 320, height: 700, async play(p) {
      await p.goto(`${shop}#/item/LA-400-CLY`);
      await p.getByTestId('store-row').first().waitFor();
    } },
    { name: 'o01-sign-in', least: 24, async play(p) {
      await fetch(`http://127.0.0.1:${first}/v1/session`, { method: 'DELETE' });
      await p.goto(setup);
      await p.getByTestId('secret').fill('hello');
      await p.keyboard.press('Enter');
      await p.getByText('Not this secret').waitFor();
    } },
    { name: 'o02-overview', least: 24, play: (p) => office(p, 'overview') },
    { name: 'o03-shop', least: 24, play: (p) => office(p, 'shop') },
    { name: 'o04-locations', least: 24, play: (p) => office(p, 'locations') },
    { name: 'o05-location-form', least: 24, async play(p) {
      await office(p, 'locations');
      await p.getByTestId('add-location').click();
    } },
    { name: 'o06-people', least: 24, async play(p) {
      await office(p, 'people');
      await p.getByTestId('add-person').click();
    } },
    { name: 'o07-agents', least: 24, play: (p) => office(p, 'agents') },
    { name: 'o08-enrol', least: 24, async play(p) {
      await office(p, 'locations');
      await p.getByTestId('enrol').first().click();
      await p.getByTestId('enrol-code').waitFor();
    } },
    { name: 'o09-import', least: 24, async play(p) {
      await office(p, 'items');
      await p.getByTestId('item-row').first().waitFor();
      await p.getByTestId('import-file').setInputFiles({ name: 'items.csv', mimeType: 'text/csv',
        buffer: Buffer.from(`sku,name\n${'A,B\n'.repeat(400)}`) });
      await p.getByTestId('import-start').click();
      await p.getByTestId('import-error').first().waitFor();
    } },
    ...[{}, { dark: true }, { width: 1024, height: 768 }, { width: 390, height: 844 }].map((look, n) => ({
      name: `o09-import-look-${n}`, least: 24, full: true, ...look, async play(p) {
        await office(p, 'items');
        await p.getByTestId('item-row').first().waitFor();
        await p.getByTestId('import-file').setInputFiles({ name: 'erp-artikel.csv',
          mimeType: 'text/csv', buffer: Buffer.from(`Artikelnr;Bezeichnung;EAN;VK;Farbe\n${[
            'KT-100;Camp kettle, steel;5391520940118;12,50;silver', 'LA-400-CLY;Camp lantern;;64,00;clay',
            'FJ-750-MOS;Flask 0.75 l;5391520940866;34,90;moss', 'TW-200;Tea towel;;9,90;blue',
            'CU-300;Enamel cup;;12,5 0;white', 'PL-120;Plate;5391520940880;15,00;white'].join('\n')}`) });
        await p.getByTestId('import-preview').waitFor();
      } })),
    ...[{}, { dark: true }, { width: 390, height: 844 }].map((look, n) => ({
      name: `o09-import-runs-${n}`, least: 24, ...look, async play(p) {
        await office(p, 'items');
        await p.getByTestId('item-row').first().waitFor();
        await p.getByTestId('import-file').setInputFiles({ name: 'items.csv', mimeType: 'text/csv',
          buffer: Buffer.from(`sku,name\n${'A,B\n'.repeat(100_000)}`) });
        await p.getByTestId('import-start').click();
        await p.getByTestId('import-cancel').waitFor();
      } })),
    { name: 'o09-import-dark', least: 24, dark: true, full: true, async play(p) {
      await office(p, 'items');
      await p.getByTestId('import-file').setInputFiles({ name: 'items.csv', mimeType: 'text/csv',
        buffer: Buffer.from(`sku,name\n${'A,B\n'.repeat(400)}`) });
      await p.getByTestId('import-start').click();
      await p.getByTestId('import-error').first().waitFor();
    } },
    { name: 'o10-policies', least: 24, async play(p) {
      await office(p, 'policies');
      await p.getByTestId('add-policy').click();
    } },
    { name: 'o11-keys', least: 24, async play(p) {
      await office(p, 'keys');
      await p.getByTestId('add-key').click();
    } },
    { name: 'o12-key-made', least: 24, async play(p) {
      await office(p, 'keys');
      await p.getByTestId('add-key').click();
      await p.getByTestId('key-name').fill('Web shop');
      await p.getByTestId('save').click();
      await p.getByTestId('key-secret').waitFor();
    } },
    { name: 'o13-overview-dark-de', least: 24, dark: true, async play(p) {
      await p.goto(`${setup}?lang=de`);
      await p.getByTestId('nav-shop').waitFor();
    } },
    { name: 'o14-overview-tablet', least: 24, width: 834, height: 1112,
      play: (p) => office(p, 'overview') },
    { name: 'o15-overview-phone', least: 24, width: 390, height: 844, full: true,
      play: (p) => office(p, 'locations') },
    { name: 'o16-channels', least: 24, async play(p) {
      await office(p, 'channels');
      await p.getByTestId('channel-row').first().waitFor();
    } },
    { name: 'o17-channel', least: 24, full: true, play: (p) => channel(p) },
    { name: 'o18-channel-1024-dark', least: 24, dark: true, width: 1024, height: 768,
      play: (p) => channel(p) },
    { name: 'o19-channel-phone', least: 24, full: true, width: 390, height: 844,
      play: (p) => channel(p) },
    { name: 'o20-channel-form-de', least: 24, async play(p) {
      await p.goto(`${setup}?lang=de#channels`);
      await p.getByTestId('add-channel').click();
      await p.getByTestId('channel-name').fill('Webshop');
      await p.getByTestId('channel-code').fill('webshop');
    } },
    { name: 'o21-channel-secret', least: 24, async play(p) {
      await office(p, 'channels');
      await p.getByTestId('channel-row').first().waitFor();
      await p.getByTestId('open-channel').nth(1).click();
      await p.getByTestId('rotate').click();
      await p.getByTestId('save').click();
      await p.getByTestId('channel-secret').waitFor();
    } },
    { name: 'o22-channels-phone-dark', least: 24, dark: true, width: 390, height: 844,
      async play(p) {
        await office(p, 'channels');
        await p.getByTestId('channel-row').first().waitFor();
      } },
    { name: 'b01-bench', full: true, async play(p) {
      await p.goto(bench);
      await p.getByTestId('receipt').first().waitFor();
    } },
    { name: 'b02-bench-dark-phone', dark: true, width: 390, height: 844, async play(p) {
      await p.goto(bench);
      await p.getByTestId('receipt').first().waitFor();
    } },
  ];
  return list;
}
