// The browser leg: a cashier, a shopper and an operator use the real pages of real programs.
// Prints `ok` or `not ok` for each scenario and ends with `N passed, N failed`.
//
// `run.mjs` runs all of them, in two lanes beside each other: each has a shop and a browser of its
// own, and a scenario is waited for more than it computes. `run.mjs PART` runs those whose name has
// this part in it, in one.
import { fork } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import * as programs from './programs.mjs';
import { devices } from './devices.mjs';
import { element } from './element.mjs';
import { everybody } from './everybody.mjs';
import { hostile } from './hostile.mjs';
import { keys } from './keys.mjs';
import { office } from './office.mjs';
import * as pages from './pages.mjs';
import { payments } from './payments.mjs';
import { scenarios } from './scenarios.mjs';
import { stock } from './stock.mjs';
import { transfers } from './transfers.mjs';

// About as long, one as the other.
const LANES = [
  { ...office, ...transfers, ...stock, ...payments, ...keys, ...element },
  { ...scenarios, ...hostile, ...everybody, ...devices },
];
const [lane, only] = process.argv[2] === '--lane'
  ? [LANES[Number(process.argv[3])], undefined]
  : [Object.assign({}, ...LANES), process.argv[2]];
let shop;
let passed = 0;
let failed = 0;

async function main() {
  const started = Date.now();
  shop = await programs.open();
  console.log(`# the shop is open after ${((Date.now() - started) / 1000).toFixed(1)} s`);
  const browser = await pages.browser();
  const shots = join(shop.folder, 'screenshots');
  mkdirSync(shots);
  try {
    for (const [name, scenario] of Object.entries(lane)) {
      if (only && !name.includes(only)) continue;
      await one(name, scenario, browser, shots);
    }
  } finally {
    await browser.close();
  }
}

async function one(name, scenario, browser, shots) {
  const errors = [];
  const since = Date.now();
  const [opened, contexts] = [[], []];
  // A context of its own: what one person's browser keeps is nothing to another's.
  const page = async (options) => {
    const context = await browser.newContext({ locale: 'en-IE', viewport: { width: 1280, height: 800 }, ...options });
    contexts.push(context);
    const made = await pages.page(context, errors);
    opened.push(made);
    return made;
  };
  try {
    await scenario({ shop, page, shots });
    if (errors.length > 0) throw new Error(`the page threw: ${errors.join('; ')}`);
    passed += 1;
    console.log(`ok ${name} (${((Date.now() - since) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`not ok ${name}: ${error.message.split('\n').slice(0, 6).join(' | ')}`);
    for (const [at, made] of opened.entries()) {
      const path = join(shots, `failed-${name.replaceAll(' ', '-')}-${at}.png`);
      await made.screenshot({ path }).catch(() => {});
    }
  }
  for (const context of contexts) await context.close();
  await programs.rest(shop);
}

/** Runs the lane of this process; what it came to is in `passed` and `failed`. */
async function here() {
  try {
    await main();
  } catch (error) {
    failed += 1;
    console.log(`not ok the shop opens: ${error.stack}`);
  }
  await programs.close(shop, failed > 0 || process.env.ONESHELF_E2E_KEEP);
}

/** Runs a lane in a process of its own. One that does not say what it came to has failed. */
function beside(number) {
  const child = fork(process.argv[1], ['--lane', String(number)]);
  let told = { passed: 0, failed: 1 };
  child.on('message', (message) => (told = message));
  return new Promise((resolve) => child.once('exit', () => resolve(told)));
}

if (process.argv.length > 2) {
  await here();
} else {
  for (const told of await Promise.all(LANES.map((_, number) => beside(number)))) {
    passed += told.passed;
    failed += told.failed;
  }
}
const exit = () => process.exit(failed > 0 ? 1 : 0);
if (process.send) {
  process.send({ passed, failed }, exit);
} else {
  console.log(`${passed} passed, ${failed} failed`);
  exit();
}
