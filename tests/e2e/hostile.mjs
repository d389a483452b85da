// The scenarios of titles that somebody wrote to do harm: nothing of them runs, on no page and on
// no printer, and what stands beside them stays in its order.
import { join } from 'node:path';
import { signedIn } from './office.mjs';
import * as pages from './pages.mjs';
import {
  check, clear, item, receipts, register, scan, several, sheet, wait,
} from './scenarios.mjs';

export const hostile = {};

const MARKS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069\u001b]/;
/** Markup, a printer's command, marks that turn text around, a formula, and letters from right to
    left, which are a title like any other. */
const TITLES = [
  '<img src=x onerror=alert(1)> \u001bp0 \u202egnp.exe =1+1',
  '=1+1 \u05d0\u05d1\u05d2 \u202e\u2067<img src=x onerror=alert(2)>\u200f 7',
];

const details = ({ sku, version, no, ...rest }) => rest;

/** A page that tells of every script that ran. */
async function watched(page, ran) {
  const made = await page();
  made.on('dialog', (dialog) => {
    ran.push(dialog.message());
    void dialog.dismiss();
  });
  return made;
}

/** The title is text. It stands alone in an element that keeps its direction to itself, so that no
    figure beside it is turned around. Screen readers hear it in a sentence, which nobody sees. */
async function harmless(at, title, where) {
  await at.getByText(title, { exact: true }).filter({ visible: true }).first().waitFor();
  const wrong = await at.evaluate((name) => {
    const found = [...document.querySelectorAll('img[src="x"]')].map(() => 'it became markup');
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { data, parentElement: element } = texts.currentNode;
      if (!data.includes(name) || element.closest('.sr')) continue;
      const bidi = getComputedStyle(element).unicodeBidi;
      const alone = element.textContent.trim() === name;
      if (!alone || bidi !== 'isolate') found.push(`${bidi}: ${element.outerHTML.slice(0, 200)}`);
    }
    return found;
  }, title);
  check(wrong.length === 0, `${where}: ${wrong.join('; ')}`);
}

/** Gives an item the title; gives it as the hub has it. */
async function rename(shop, thing, title) {
  const path = `/v1/items/${encodeURIComponent(thing.sku)}`;
  await shop.ask('PUT', path, { ...details(thing.whole), options: null, name: title });
  const { name } = await shop.ask('GET', path);
  check(!MARKS.test(name), `the hub keeps marks that turn text around: ${JSON.stringify(name)}`);
  return name;
}

/** Sells it: the drawer opens once, for the sale, and not for what the title says. */
async function sold(shop, desk, name) {
  const before = await receipts(shop, 'S07');
  const number = await pages.payExact(desk);
  // The whole sheet is there before anything is counted: what a title could do it has done.
  await wait(async () => (await sheet(shop, 'S07')).includes(number), 'the receipt came out');
  const after = await receipts(shop, 'S07');
  const pulses = after.pulses - before.pulses;
  check(pulses === 1, `${name}: the drawer opened ${pulses} times`);
  await desk.getByTestId('next-sale').click();
}

/** The bench read its titles before they were hostile; its page is told of them as of others. */
async function benchSays(bench, shop, names) {
  await bench.route('**/bench/state', async (route) => {
    const answer = await route.fetch();
    const state = await answer.json();
    for (const store of state.stores) names.forEach((n, at) => (store.barcodes[at].name = n));
    await route.fulfill({ response: answer, json: state });
  });
  await bench.goto(shop.bench);
}

hostile['a hostile title is harmless text everywhere'] = async ({ shop, page, shots }) => {
  const ran = [];
  const open = () => watched(page, ran);
  const shopper = await open();
  const setup = await signedIn(open, shop);
  const desk = await register(open, shop, 'S07', 'ana', 'R1');
  const names = [];
  await setup.getByTestId('nav-items').click();
  for (const title of TITLES) {
    const thing = await item(shop, 'S07', several);
    const name = await rename(shop, thing, title);
    names.push(name);
    await pages.openItem(shopper, shop.hub, thing.sku);
    await harmless(shopper, name, 'the shop page');
    await shopper.goto(`${shop.hub}/shop/`);
    await shopper.getByRole('searchbox').fill(thing.sku);
    await harmless(shopper, name, 'what a shopper finds');
    await setup.getByTestId('item-search').fill(thing.sku);
    await harmless(setup, name, 'the items of the set-up page');
    await setup.screenshot({ path: join(shots, `setup-hostile-${names.length}.png`) });
    await scan(shop, 'S07', thing.barcode);
    await pages.line(desk, thing.sku, 1);
    await harmless(desk, name, 'the register');
    await desk.screenshot({ path: join(shots, `register-hostile-${names.length}.png`) });
    await sold(shop, desk, name);
    await clear(desk);
  }
  const bench = await open();
  await benchSays(bench, shop, names);
  for (const name of names) await harmless(bench, name, 'the bench page');
  await bench.screenshot({ path: join(shots, 'bench-hostile.png') });
  check(ran.length === 0, `a title ran as a script: ${ran}`);
};
