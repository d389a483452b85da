// The browser of `bench scan`: the register page with somebody signed in. Says when each line of a
// ticket is in the page; does what it is told by lines of JSON. Ends with its input.
import { createInterface } from 'node:readline';
import * as pages from './pages.mjs';

const [url, register, staff, pin] = process.argv.slice(2);
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const browser = await pages.browser();
const context = await browser.newContext({ locale: 'en-IE', viewport: { width: 1280, height: 800 } });

/** In the page: tells of each new element of a kind, with the time at which it was there by the
    system's clock, from which the page's fine one differs by `window.ahead`. */
function watch([selector, kind]) {
  const told = (element) => window.tell({
    kind, sku: element.dataset.sku, at: performance.timeOrigin + performance.now() - window.ahead });
  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const added of change.addedNodes) {
        if (!(added instanceof Element)) continue;
        const found = added.matches(selector) ? [added] : added.querySelectorAll(selector);
        for (const element of found) told(element);
      }
    }
  }).observe(document.body, { childList: true, subtree: true });
}

/** In the page: how far its fine clock is ahead of the system's, by the edges of milliseconds. */
function ahead() {
  const found = [];
  for (let round = 0; round < 41; round += 1) {
    const before = Date.now();
    let now = before;
    while (now === before) now = Date.now();
    found.push(performance.timeOrigin + performance.now() - now);
  }
  return (window.ahead = found.sort((a, b) => a - b)[20]);
}

const errors = [];
const desk = await pages.page(context, errors);
await context.exposeFunction('tell', say);
await desk.goto(url);
await pages.signIn(desk, staff, pin, register);
await desk.evaluate(ahead);
await desk.evaluate(watch, ['[data-testid=ticket-line]', 'line']);
let probe;

const commands = {
  async void() {
    await desk.getByTestId('void-ticket').click();
    await desk.getByTestId('void-ticket-yes').click();
    await desk.getByTestId('ticket-line').first().waitFor({ state: 'detached' });
    say({ kind: 'cleared' });
  },
  async pay() {
    await pages.payExact(desk);
    await desk.getByTestId('next-sale').click();
    await desk.getByTestId('ticket-line').first().waitFor({ state: 'detached' });
    say({ kind: 'cleared' });
  },
  async clock() {
    say({ kind: 'clock', ahead: await desk.evaluate(ahead) });
  },
  async open_probe({ url: at }) {
    probe = await pages.page(context, errors);
    await probe.goto(at);
    await probe.waitForFunction(() => document.title === 'Open');
    await probe.evaluate(ahead);
    await probe.evaluate(watch, ['li', 'probe']);
    say({ kind: 'probe_open' });
  },
  async close_probe() {
    await probe.close();
    say({ kind: 'probe_closed' });
  },
};

say({ kind: 'ready' });
for await (const line of createInterface({ input: process.stdin })) {
  const told = JSON.parse(line);
  try {
    await commands[told.do](told);
    if (errors.length > 0) say({ error: errors.join('; ') });
  } catch (error) {
    say({ error: error.message });
  }
}
await browser.close();
