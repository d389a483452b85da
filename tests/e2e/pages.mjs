// What a person does on the pages, as small steps. It knows test ids, no scenario.
// Every wait ends with what it waits for, or fails after its time-out.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { chromium } = require('playwright-core');

export async function browser() {
  const executablePath = process.env.ONESHELF_CHROMIUM ?? '/usr/bin/chromium';
  return chromium.launch({ executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'] });
}

/** A page whose script errors count as failures of the scenario that is running. */
export async function page(context, errors) {
  const made = await context.newPage();
  made.setDefaultTimeout(15_000);
  made.on('pageerror', (error) => errors.push(error.message));
  return made;
}

export async function signIn(at, staff, pin, register) {
  await at.locator(`[data-testid=staff-tile][data-staff=${staff}]`).click();
  const choice = at.getByTestId('register-choice');
  if (register && (await choice.count()) > 0) {
    await choice.filter({ hasText: register }).first().click();
  }
  for (const key of pin) await at.locator(`[data-testid=pin-key][data-key="${key}"]`).click();
  // A PIN of its whole length needs no Enter, and then the key is soon gone.
  const enter = at.getByTestId('pin-enter');
  if (await enter.isVisible().catch(() => false)) await enter.click({ timeout: 300 }).catch(() => {});
  await at.locator('[data-testid=float],[data-testid=scan-box]').first().waitFor();
  if (await at.getByTestId('float').count()) {
    await at.getByTestId('float').fill('100.00');
    await at.getByTestId('float-open').click();
  }
  await at.getByTestId('scan-box').waitFor();
}

/** A wedge scanner types faster than a person: its keys go to the browser without a pause, each
    with the time at which the scanner would have sent it, however busy this machine is. */
export async function wedge(at, code) {
  const browser = await at.context().newCDPSession(at);
  const start = Date.now() / 1000;
  const send = (type, key, n) => browser.send('Input.dispatchKeyEvent', { type, key,
    timestamp: start + n * 0.004, ...(type === 'keyDown' && { text: key === 'Enter' ? '\r' : key }),
    ...(key === 'Enter' && { code: key, windowsVirtualKeyCode: 13 }) });
  const keys = [...code, 'Enter'];
  await Promise.all(keys.flatMap((key, n) => [send('keyDown', key, n), send('keyUp', key, n)]));
  await browser.detach();
}

export async function line(at, sku, quantity) {
  const want = quantity === undefined ? '' : `[data-quantity="${quantity}"]`;
  await at.locator(`[data-testid=ticket-line][data-sku="${sku}"]${want}`).waitFor();
}

/** Says that the exact amount was given; what follows is up to the agent. */
export async function giveExact(at) {
  await at.getByTestId('pay').click();
  await at.getByTestId('quick-exact').click();
  await at.getByTestId('pay-done').click();
}

/** Pays the exact amount in cash; gives the receipt's number. */
export async function payExact(at) {
  await giveExact(at);
  const number = await at.getByTestId('receipt-number').textContent();
  return number.trim();
}

export async function chip(at, name, state) {
  await at.locator(`[data-testid=${name}][data-state="${state}"]`).waitFor();
}

export async function openItem(at, hub, sku) {
  await at.goto(`${hub}/shop/#/item/${encodeURIComponent(sku)}`);
  await at.locator('[data-testid=store-row]').first().waitFor();
}

export const row = (at, store) => at.locator(`[data-testid=store-row][data-location=${store}]`).first();

export async function count(at, store) {
  return Number(await row(at, store).getAttribute('data-count'));
}

export async function counts(at, store, wanted) {
  await at.locator(`[data-testid=store-row][data-location=${store}][data-count="${wanted}"]`).first().waitFor();
}

export async function choose(at, store) {
  await row(at, store).locator('button').click();
  await at.locator(`[data-testid=chosen-store][data-location=${store}]`).waitFor();
}

export async function hold(at, store) {
  await choose(at, store);
  await at.locator('[data-testid=hold]:visible').click();
}

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** No fault that shuts somebody out (WCAG 2.2 AA and what is good practice) on what is on the
    screen now, in each theme that the page has. */
export async function accessible(at, where, themes = ['dark', 'light']) {
  await at.evaluate(axe);
  const said = [];
  for (const colorScheme of themes) {
    // Colours on their way from one theme to the other are nobody's.
    await at.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await at.waitForFunction((it) => document.documentElement.dataset.theme === it, colorScheme);
    const { violations } = await at.evaluate((values) => window.axe.run(document, {
      runOnly: { type: 'tag', values }, resultTypes: ['violations'] }), RULES);
    for (const { id, nodes } of violations) {
      const places = nodes.map((n) => n.target.join(' ')).slice(0, 3).join(', ');
      said.push(`${colorScheme}: ${id} at ${places}`);
    }
  }
  if (said.length > 0) throw new Error(`${where}: ${said.join('; ')}`);
}
