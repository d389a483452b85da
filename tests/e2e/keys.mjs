// The scenarios of the burst rule: which keys are a scanner's and which are a person's. The page's
// clock stands still but for what a scenario lets pass, so each gap is exact on any machine.
import * as pages from './pages.mjs';
import { check, item, register, several } from './scenarios.mjs';

export const keys = {};

/** The rule's limits, ms: between keys, before Enter, and until held keys are given back. */
const GAP = 35;
const BEFORE_ENTER = 120;
const GIVEN_BACK = GAP + 15;
/** A code that no item has and whose check digit is right. */
const NOBODYS = '4006381333931';
const NOBODYS_SHORT = '96385074';

/** A register whose page's clock is ours, and the codes that it asks the agent for as scans. */
async function stopped(page, shop) {
  const made = await page();
  await made.clock.install();
  const open = async () => made;
  const desk = await register(open, shop, 'S07', 'ana', 'R1');
  await desk.clock.pauseAt(Date.now() + 60_000);
  const scans = [];
  desk.on('request', (request) => {
    if (request.url().endsWith('/api/ticket/scan')) scans.push(request.postDataJSON().code);
  });
  return { desk, scans };
}

const pass = (desk, ms) => desk.clock.runFor(ms);

/** Presses keys with the same gap before each but the first. */
async function press(desk, text, gap) {
  for (const [n, key] of [...text].entries()) {
    if (n > 0) await pass(desk, gap);
    await desk.keyboard.press(key);
  }
}

async function enter(desk, gap) {
  await pass(desk, gap);
  await desk.keyboard.press('Enter');
}

const value = (desk, box) => desk.getByTestId(box).inputValue();

async function stands(desk, box, wanted, when) {
  const found = await value(desk, box);
  check(found === wanted, `${when}: "${found}" stands in the ${box}, not "${wanted}"`);
}

/** An unknown code is told by the agent, so the scan has gone its whole way. */
async function unknown(desk, code) {
  await desk.getByTestId('not-found').filter({ hasText: code }).waitFor();
  await desk.keyboard.press('Escape');
  await desk.getByTestId('not-found').waitFor({ state: 'detached' });
}

keys['a burst of keys is a scan up to the limits of the rule'] = async ({ shop, page }) => {
  const { desk, scans } = await stopped(page, shop);
  await desk.getByTestId('scan-box').focus();
  const cases = [
    { text: NOBODYS, gap: 4, last: 4 },
    // Letters: Enter behind digits that were typed asks for them as a barcode too.
    { text: 'zq7jvk', gap: GAP, last: GAP },
    { text: 'zq7', gap: GAP, last: GAP },
    // What was given back during the scanner's pause leaves the box again.
    { text: 'zq7jvk', gap: 4, last: BEFORE_ENTER },
  ];
  for (const [n, { text, gap, last }] of cases.entries()) {
    await press(desk, text, gap);
    await enter(desk, last);
    await unknown(desk, text);
    await stands(desk, 'scan-box', '', `after ${text} at ${gap} ms, Enter at ${last} ms`);
    check(scans.length === n + 1 && scans[n] === text, `the scans are ${scans}`);
  }
};

keys['what a person types is never taken for a scan'] = async ({ shop, page }) => {
  const { desk, scans } = await stopped(page, shop);
  await desk.getByTestId('scan-box').focus();
  const cases = [
    { text: 'zqx jvk', gap: 60, last: 60, why: 'a quick typist' },
    { text: 'zqxjvk', gap: GAP + 1, last: 1, why: 'a gap beyond the limit' },
    { text: 'zq', gap: 4, last: 4, why: 'two keys are fewer than a code has' },
    { text: 'zqxjvk', gap: 4, last: BEFORE_ENTER + 1, why: 'Enter comes too late' },
  ];
  for (const { text, gap, last, why } of cases) {
    await press(desk, text, gap);
    await enter(desk, last);
    await stands(desk, 'scan-box', text, why);
    await desk.keyboard.press('Escape');
    await stands(desk, 'scan-box', '', `${why}, put away`);
  }
  // A roll over three keys is held back, then stands where it was typed, in its order.
  await press(desk, 'mug', GAP);
  await stands(desk, 'scan-box', 'm', 'while it may become a scan');
  await pass(desk, GIVEN_BACK);
  await stands(desk, 'scan-box', 'mug', 'a roll over the keys');
  await desk.keyboard.press('Home');
  await pass(desk, 200);
  await press(desk, 'big', 4);
  await desk.keyboard.press('ArrowRight');
  await stands(desk, 'scan-box', 'bigmug', 'another key ends what was held back');
  await desk.keyboard.press('Escape');
  // With nothing focused, what was held back goes to the box as well.
  await desk.evaluate(() => document.activeElement.blur());
  await pass(desk, 200);
  await press(desk, 'jar', 20);
  await pass(desk, GIVEN_BACK);
  await stands(desk, 'scan-box', 'jar', 'keys that no field had');
  check(scans.length === 0, `taken for scans: ${scans}`);
};

keys['a typed barcode is looked up, a scanned one is not'] = async ({ shop, page }) => {
  const thing = await item(shop, 'S07', several);
  const { desk, scans } = await stopped(page, shop);
  await desk.getByTestId('scan-box').focus();
  await press(desk, thing.barcode, 60);
  await stands(desk, 'scan-box', thing.barcode, 'a typed barcode');
  const looked = desk.waitForResponse((r) => r.url().includes('/api/items?search='));
  await pass(desk, 200);
  await looked;
  await desk.locator('#result-0').waitFor();
  const chosen = desk.waitForRequest((r) => r.url().endsWith('/api/ticket/lines'));
  await desk.keyboard.press('Enter');
  await chosen;
  await pages.line(desk, thing.sku, 1);
  check(scans.length === 0, `taken for scans: ${scans}`);
  await press(desk, thing.barcode, 4);
  await enter(desk, 4);
  await pages.line(desk, thing.sku, 2);
  check(scans.length === 1 && scans[0] === thing.barcode, `the scans are ${scans}`);
  await stands(desk, 'scan-box', '', 'after a scan');
};

keys['a scan while the amount is typed leaves the amount alone'] = async ({ shop, page }) => {
  const thing = await item(shop, 'S07', several);
  const { desk, scans } = await stopped(page, shop);
  await press(desk, thing.barcode, 4);
  await enter(desk, 4);
  await pages.line(desk, thing.sku, 1);
  await desk.getByTestId('pay').click();
  const locked = desk.locator('[data-testid=locked]');
  await locked.and(desk.locator('[data-knocked=false]')).waitFor();
  // Fewer keys than a barcode has are an amount, however fast they come; this one is too little.
  await press(desk, '0000001', 4);
  await enter(desk, 4);
  await stands(desk, 'tender', '0000001', 'a burst of seven digits');
  await locked.and(desk.locator('[data-knocked=false]')).waitFor();
  await desk.getByTestId('tender').fill('12');
  await pass(desk, 200);
  for (const code of [NOBODYS_SHORT, thing.barcode]) {
    await press(desk, code, GAP);
    await enter(desk, BEFORE_ENTER);
    await locked.and(desk.locator('[data-knocked=true]')).waitFor();
    await stands(desk, 'tender', '12', `a scan of ${code}`);
    await desk.getByTestId('pay-panel').waitFor();
  }
  check((await desk.getByTestId('receipt-number').count()) === 0, 'the Enter of a scan has paid');
  check(scans.length === 1, `scans reached a ticket that is being paid: ${scans}`);
  await desk.keyboard.press('Escape');
  await pages.line(desk, thing.sku, 1);
};
