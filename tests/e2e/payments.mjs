// The scenarios of payments that go wrong on their way: answers that are lost, requests that never
// arrive, tickets that another page has paid. What was booked is asked of drawer and receipts.
import { join } from 'node:path';
import * as pages from './pages.mjs';
import {
  changes, check, clear, item, receipts, register, scan, several, sheet, wait,
} from './scenarios.mjs';

export const payments = {};

payments['a ticket that is paid on another page is not asked for again'] = async (scene) => {
  const { shop, page, shots } = scene;
  const [one, two] = [await item(shop, 'S07', several), await item(shop, 'S07', several)];
  const desk = await register(page, shop, 'S07', 'ana', 'R1');
  const other = await register(page, shop, 'S07', 'ana', 'R1');
  const begin = async (thing) => {
    await scan(shop, 'S07', thing.barcode);
    await pages.line(desk, thing.sku, 1);
    await pages.line(other, thing.sku, 1);
    await desk.getByTestId('pay').click();
  };
  const gone = async () => {
    const told = desk.getByText('This ticket is paid or void. Look in Receipts.');
    await told.filter({ visible: true }).first().waitFor();
    await desk.getByTestId('pay-panel').waitFor({ state: 'detached' });
    check((await desk.getByTestId('ticket-changed').count()) === 0, 'no new sum was told');
  };
  await begin(one);
  await pages.payExact(other);
  await desk.getByTestId('pay-done').click();
  await gone();
  await desk.getByTestId('ticket-empty').waitFor();
  await desk.screenshot({ path: join(shots, 'register-ticket-gone.png') });
  // The next one is begun there: its sum is not this shopper's.
  await other.getByTestId('next-sale').click();
  await begin(one);
  await pages.payExact(other);
  await scan(shop, 'S07', two.barcode);
  await pages.line(desk, two.sku, 1);
  await gone();
  await clear(desk);
};

payments['a payment whose answer is lost is booked once'] = async ({ shop, page }) => {
  const thing = await item(shop, 'S07', several);
  const desk = await register(page, shop, 'S07', 'ana', 'R1');
  const before = (await receipts(shop, 'S07')).pulses;
  const numbers = [];
  for (const reload of [false, true]) {
    await scan(shop, 'S07', thing.barcode);
    await pages.line(desk, thing.sku, 1);
    const lost = new Promise((resolve) => {
      void desk.route('**/api/ticket/pay', async (route) => {
        await route.fetch();
        if (reload) await desk.route('**/api/ticket/pay', (later) => later.abort());
        await route.abort();
        resolve();
      }, { times: 1 });
    });
    await pages.giveExact(desk);
    await lost;
    if (reload) {
      await desk.unroute('**/api/ticket/pay');
      await desk.reload();
    }
    const number = (await desk.getByTestId('receipt-number').textContent()).trim();
    await changes(desk, 0);
    numbers.push(number);
    await desk.getByTestId('next-sale').click();
    check((await desk.getByTestId('ticket-line').count()) === 0, 'the next ticket is empty');
  }
  const [one, two] = numbers.map((n) => Number(n.split('-').at(-1)));
  check(two === one + 1, `two sales, not ${numbers}`);
  await wait(async () => (await sheet(shop, 'S07')).includes(numbers[1]), 'the receipt came out');
  check((await receipts(shop, 'S07')).pulses === before + 2, 'the drawer opened once a sale');
};

payments['a payment that never arrived is not booked by asking'] = async (scene) => {
  const { shop, page, shots } = scene;
  const thing = await item(shop, 'S07', several);
  const desk = await register(page, shop, 'S07', 'ana', 'R1');
  const before = (await receipts(shop, 'S07')).pulses;
  const lost = () => desk.route('**/api/ticket/pay', (route) => route.abort(), { times: 1 });
  const asked = () => desk.waitForResponse((r) => r.url().endsWith('/api/ticket/paid'));
  await scan(shop, 'S07', thing.barcode);
  await pages.line(desk, thing.sku, 1);
  // The page stays: it comes back to the sum, says so, and takes no money by itself.
  for (const reload of [false, true]) {
    await lost();
    const answer = asked();
    await pages.giveExact(desk);
    if (reload) {
      await desk.getByTestId('agent-gone').waitFor();
      await desk.reload();
    }
    check((await answer).status() === 404, 'nothing was made with this key');
    await desk.getByTestId('refusal').waitFor();
    await desk.getByTestId(reload ? 'pay' : 'pay-panel').waitFor();
    const name = `register-not-paid-${reload ? 'reload' : 'stays'}.png`;
    await desk.screenshot({ path: join(shots, name) });
    check((await desk.getByTestId('ticket-line').count()) === 1, 'the ticket is there');
    check((await desk.getByTestId('receipt-number').count()) === 0, 'nothing was paid');
    if (!reload) await desk.getByTestId('pay-back').click();
  }
  check((await receipts(shop, 'S07')).pulses === before, 'the drawer stayed shut');
  await pages.payExact(desk);
  await changes(desk, 0);
};

payments['another sum is given after an answer was lost'] = async ({ shop, page }) => {
  const thing = await item(shop, 'S07', several);
  const desk = await register(page, shop, 'S07', 'ana', 'R1');
  for (const booked of [false, true]) {
    await scan(shop, 'S07', thing.barcode);
    await pages.line(desk, thing.sku, 1);
    // The question stays without an answer too, until another sum is typed.
    let silent = true;
    const fault = { status: 500 };
    await desk.route('**/api/ticket/paid', (r) => (silent ? r.fulfill(fault) : r.continue()));
    await desk.route('**/api/ticket/pay', async (route) => {
      if (booked) await route.fetch();
      await route.fulfill(fault);
    }, { times: 1 });
    await pages.giveExact(desk);
    await desk.getByTestId('refusal').waitFor();
    silent = false;
    await desk.getByTestId('tender').fill('800.00');
    await desk.getByTestId('pay-done').click();
    // The first one was made, with the exact sum: that is the sale. Else the second one is.
    await changes(desk, booked ? 0 : 80_000 - thing.price);
    await desk.getByTestId('next-sale').click();
    check((await desk.getByTestId('ticket-line').count()) === 0, 'the next ticket is empty');
    await desk.unroute('**/api/ticket/paid');
  }
};

payments['an agent that cannot say what became of a payment stops no register'] = async (scene) => {
  const { shop, page } = scene;
  const thing = await item(shop, 'S07', several);
  const desk = await register(page, shop, 'S07', 'ana', 'R1');
  const before = (await receipts(shop, 'S07')).pulses;
  await scan(shop, 'S07', thing.barcode);
  await pages.line(desk, thing.sku, 1);
  const fault = (route) => route.fulfill({ status: 500 });
  await desk.route('**/api/ticket/paid', fault, { times: 1 });
  await desk.route('**/api/ticket/pay', (route) => route.abort(), { times: 1 });
  await pages.giveExact(desk);
  await desk.getByTestId('agent-gone').waitFor();
  await desk.route('**/api/ticket/paid', fault);
  // Also the next question fails, once: the start is tried again.
  await desk.route('**/api/ticket', fault, { times: 1 });
  await desk.reload();
  await pages.line(desk, thing.sku, 1);
  await desk.getByTestId('refusal').waitFor();
  await pages.payExact(desk);
  await changes(desk, 0);
  await wait(async () => (await receipts(shop, 'S07')).pulses === before + 1, 'one sale was made');
};
