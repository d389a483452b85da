// The scenarios of a store's devices: the printer's queue and its question, by keyboard alone; the
// devices page; the customer display.
import { join } from 'node:path';
import { tabTo, type } from './everybody.mjs';
import * as pages from './pages.mjs';
import { PINS } from './programs.mjs';
import { check, item, register, scan, several, sheet, wait } from './scenarios.mjs';

export const devices = {};

const WELL = { paper: 'ok', cover: 'closed' };
/** Within the receipt: behind the drawer's pulse and the questions before the job. */
const WITHIN_RECEIPT = 200;

/** Whoever sees no focus cannot work by keyboard. */
async function seen(at, what) {
  const ring = await at.evaluate(() => {
    const style = getComputedStyle(document.activeElement);
    return { style: style.outlineStyle, width: parseFloat(style.outlineWidth) };
  });
  check(ring.style !== 'none' && ring.width >= 2, `${what} has a focus that is not seen`);
}

/** Presses something that Tab leads to. */
async function pressed(at, testid) {
  await tabTo(at, 'data-testid', testid);
  await seen(at, testid);
  await at.keyboard.press('Enter');
}

async function typedIn(at, thing, text) {
  await type(at, text);
  await at.keyboard.press('Enter');
  await pages.line(at, thing.sku, 1);
}

devices['the keyboard alone voids, pays, reprints and answers the printer'] = async ({ shop, page, shots }) => {
  const [one, two] = [await item(shop, 'S02', several), await item(shop, 'S02', several)];
  const desk = await page();
  await desk.goto(shop.agents.S02);
  await desk.getByTestId('staff-tile').first().waitFor();
  await tabTo(desk, 'data-staff', 'tom');
  await seen(desk, 'a name');
  await desk.keyboard.press('Enter');
  await type(desk, PINS.tom);
  await desk.locator('[data-testid=float],[data-testid=scan-box]').first().waitFor();
  if (await desk.getByTestId('float').count()) {
    await type(desk, '100');
    await desk.keyboard.press('Enter');
  }
  await desk.getByTestId('scan-box').waitFor();
  // A barcode that is typed, an item that is searched, a quantity, and both taken off again.
  await typedIn(desk, one, one.barcode);
  await desk.keyboard.press('F2');
  await type(desk, two.sku);
  await desk.getByTestId('result').first().waitFor();
  await desk.keyboard.press('Enter');
  await pages.line(desk, two.sku, 1);
  await type(desk, '2*');
  await pages.line(desk, two.sku, 2);
  await desk.keyboard.press('Delete');
  await desk.locator(`[data-testid=ticket-line][data-sku="${two.sku}"]`).waitFor({ state: 'detached' });
  await desk.keyboard.press('Shift+Delete');
  await pressed(desk, 'void-ticket-yes');
  await desk.getByTestId('ticket-empty').waitFor();
  // A receipt whose fate nobody knows, and the answer that it did not come out.
  await typedIn(desk, one, one.barcode);
  await desk.keyboard.press('F12');
  await desk.getByTestId('tender').waitFor();
  await type(desk, '900');
  await shop.move('S02', 'printer', { ...WELL, cut_after: WITHIN_RECEIPT });
  await desk.keyboard.press('Enter');
  await desk.getByTestId('print-question').waitFor();
  await pages.accessible(desk, 'the question of the printer');
  await desk.screenshot({ path: join(shots, 'register-print-question.png') });
  const number = (await desk.getByTestId('receipt-number').textContent()).trim();
  await desk.keyboard.press('Alt+n');
  await desk.getByTestId('print-question').waitFor({ state: 'detached' });
  await wait(async () => (await sheet(shop, 'S02')).includes('COPY'), 'it came out as a copy');
  check((await sheet(shop, 'S02')).includes(number), 'the copy is of that receipt');
  // A copy from the list, which is cut as well: this time it did come out.
  await desk.keyboard.press('F8');
  await desk.getByTestId('sale').first().waitFor();
  await shop.move('S02', 'printer', { ...WELL, cut_after: WITHIN_RECEIPT });
  await pressed(desk, 'reprint');
  await desk.getByTestId('print-question').waitFor();
  await desk.keyboard.press('Alt+y');
  await desk.getByTestId('print-question').waitFor({ state: 'detached' });
  await desk.keyboard.press('Escape');
};

devices['the devices page shows what is and lets the printer wait'] = async ({ shop, page, shots }) => {
  const thing = await item(shop, 'S02', several);
  const desk = await register(page, shop, 'S02', 'tom');
  await desk.keyboard.press('F1');
  await pressed(desk, 'all-devices');
  await pages.chip(desk, 'device-printer', 'ready');
  await pages.chip(desk, 'device-scanner', 'ready');
  await pressed(desk, 'pause');
  await desk.getByTestId('resume').waitFor();
  await pressed(desk, 'test-page');
  await desk.locator('[data-testid=job][data-state=queued]').waitFor();
  await scan(shop, 'S02', thing.barcode);
  await desk.getByTestId('scan').first().filter({ hasText: thing.barcode }).waitFor();
  await pages.accessible(desk, 'the devices');
  await desk.screenshot({ path: join(shots, 'register-devices.png'), fullPage: true });
  await desk.setViewportSize({ width: 320, height: 640 });
  const wide = await desk.evaluate(() => document.documentElement.scrollWidth);
  check(wide <= 320, `the devices are ${wide} wide`);
  await desk.setViewportSize({ width: 1280, height: 800 });
  await desk.keyboard.press('Escape');
  await pages.line(desk, thing.sku, 1);
  // The receipt waits with the test page; it is not wanted.
  await pages.payExact(desk);
  await desk.getByTestId('print-skip').waitFor();
  await pages.accessible(desk, 'a paused printer');
  await desk.keyboard.press('Alt+s');
  await desk.getByTestId('print-skip').waitFor({ state: 'detached' });
  await desk.keyboard.press('F1');
  await pressed(desk, 'all-devices');
  await desk.locator('[data-testid=job][data-state=skipped]').waitFor();
  await pressed(desk, 'resume');
  await desk.locator('[data-testid=job][data-state=confirmed]').first().waitFor();
};

devices['a scanner is taught what it puts around codes'] = async ({ shop, page, shots }) => {
  const things = [];
  for (let at = 0; at < 3; at += 1) things.push(await item(shop, 'S02', several));
  const desk = await register(page, shop, 'S02', 'tom');
  const card = desk.getByTestId('device-scanner');
  const lesson = async (before) => {
    await desk.keyboard.press('F1');
    await pressed(desk, 'all-devices');
    await pressed(desk, 'teach');
    for (const [done, { barcode }] of things.entries()) {
      await card.filter({ hasText: `${done} of 3 done` }).waitFor();
      await scan(shop, 'S02', before + barcode);
    }
    await desk.getByTestId('told').filter({ hasText: 'Learned.' }).waitFor();
  };
  await lesson('~');
  await card.filter({ hasText: '~ …' }).waitFor();
  await pages.accessible(desk, 'a scanner that was taught');
  await desk.screenshot({ path: join(shots, 'register-scanner-taught.png') });
  await desk.keyboard.press('Escape');
  await desk.getByTestId('ticket-empty').waitFor();
  await scan(shop, 'S02', `~${things[0].barcode}`);
  await pages.line(desk, things[0].sku, 1);
  // The simulated one puts nothing around: it is taught that.
  await lesson('');
  await card.filter({ hasNotText: '~ …' }).waitFor();
  await desk.keyboard.press('Escape');
  await scan(shop, 'S02', things[0].barcode);
  await pages.line(desk, things[0].sku, 2);
};

devices['a customer reads lines, total and change on the display'] = async ({ shop, page, shots }) => {
  const thing = await item(shop, 'S07', several);
  const desk = await register(page, shop, 'S07', 'ana', 'R1');
  await desk.keyboard.press('F1');
  await desk.getByTestId('all-devices').click();
  const opened = desk.context().waitForEvent('page');
  await desk.getByTestId('open-display').click();
  const display = await opened;
  await display.getByTestId('display-idle').waitFor();
  check(!display.url().includes('key'), 'the key stays in no address');
  await pages.chip(desk, 'device-display', 'showing');
  await pages.accessible(display, 'an idle display');
  await desk.keyboard.press('Escape');
  await scan(shop, 'S07', thing.barcode);
  await display.locator(`[data-testid=display-total][data-minor="${thing.price}"]`).waitFor();
  await pages.accessible(display, 'a display while selling');
  await display.screenshot({ path: join(shots, 'display-selling.png') });
  await display.setViewportSize({ width: 320, height: 640 });
  const wide = await display.evaluate(() => document.documentElement.scrollWidth);
  check(wide <= 320, `the display is ${wide} wide`);
  await pages.line(desk, thing.sku, 1);
  await desk.keyboard.press('F12');
  await desk.getByTestId('tender').fill('900');
  await desk.keyboard.press('Enter');
  await display.locator(`[data-testid=display-change][data-minor="${90_000 - thing.price}"]`).waitFor();
  await pages.accessible(display, 'a display that says thanks');
  const text = await display.evaluate(() => document.body.textContent);
  check(!text.includes('Ana') && !text.includes('S07-R1'), 'who sells is nobody’s business');
  // Its cookie is its own: after a reload it is the display still, and another browser is none.
  await display.reload();
  await display.locator('[data-testid=display-idle],[data-testid=thanks]').first().waitFor();
  const stranger = await page();
  await stranger.goto(`${shop.agents.S07}/display`);
  await stranger.getByTestId('no-display').waitFor();
  await desk.keyboard.press('F1');
  await desk.getByTestId('all-devices').click();
  await desk.getByTestId('end-display').click();
  await display.getByTestId('no-display').waitFor();
};
