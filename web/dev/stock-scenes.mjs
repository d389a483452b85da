// The register's stock view: looked at, counting, booked, goods in, and what may stand in the way.
export function stockScenes(register, door, enter, post, scan) {
  /** As a manager, with the view open. */
  const open = async (p, query) => {
    await door(p, query);
    await p.locator('[data-testid=staff-tile][data-staff=sile]').click();
    await p.keyboard.type('123456', { delay: 60 });
    await p.getByTestId('float').fill('150');
    await p.keyboard.press('Enter');
    await p.getByTestId('scan-box').waitFor();
    await p.keyboard.press('F1');
    await p.getByTestId('open-stock').click();
    await p.getByTestId('stock-page').waitFor();
  };
  const take = async (p, code, sku) => {
    await scan(p, code);
    await p.locator(`[data-testid=stock-item][data-sku="${sku}"]`).waitFor();
  };
  const lantern = (p) => take(p, '5391520940866', 'LA-400-CLY');
  const book = async (p, units) => {
    await p.getByTestId('stock-quantity').fill(units);
    await p.getByTestId('stock-book').click();
    await p.getByTestId('stock-booked').waitFor();
  };
  const counting = async (p, query) => {
    await open(p, query);
    await lantern(p);
    await p.getByTestId('stock-quantity').fill('7');
  };
  const looks = [['', {}], ['-dark-de', { dark: true, query: '?lang=de' }],
    ['-de-1024', { width: 1024, height: 768, query: '?lang=de' }],
    ['-phone', { width: 390, height: 844, full: true }],
    ['-phone-dark-de', { width: 390, height: 844, full: true, dark: true, query: '?lang=de' }],
    ['-wide', { width: 1920, height: 1080 }]];
  const doubt = async (p) => {
    await post(`${register}mock/world`, { unsure: { 'BW-CAN-220': 3 } });
    await take(p, '5391520940545', 'BW-CAN-220');
    await p.getByTestId('stock-quantity').fill('3');
  };
  return [
    { name: 'k01-stock-empty', play: (p) => open(p) },
    ...looks.map(([name, { query, ...look }]) => ({ name: `k02-count${name}`, ...look,
      play: (p) => counting(p, query) })),
    ...looks.slice(0, 4).map(([name, { query, ...look }]) => ({ name: `k03-booked${name}`, ...look,
      async play(p) {
        await open(p, query);
        await p.getByTestId('stock-act-receive').click();
        await take(p, '5391520940224', 'EN-MUG-CRM');
        await book(p, '24');
        await p.getByTestId('stock-act-count').click();
        await lantern(p);
        await book(p, '7');
      } })),
    { name: 'k04-goods-in', async play(p) {
      await open(p);
      await p.getByTestId('stock-act-receive').click();
      await lantern(p);
      await p.getByTestId('stock-quantity').fill('12');
    } },
    { name: 'k05-hostile-1024', width: 1024, height: 768, async play(p) {
      await open(p);
      await take(p, '5391520941559', 'XX-HOSTILE');
      await book(p, '3');
      await take(p, '5391520941559', 'XX-HOSTILE');
      await p.getByTestId('stock-quantity').fill('120000');
    } },
    { name: 'k06-long-title-dark', dark: true, async play(p) {
      await p.route('**/api/items**', async (route) => {
        const answer = await route.fetch();
        const text = (await answer.text()).replaceAll('Camp lantern',
          'Donaudampfschifffahrtsgesellschaftskapitänskajütenlaterne mit Wandhalterung '.repeat(3));
        await route.fulfill({ response: answer, body: text });
      });
      await open(p);
      await lantern(p);
      await book(p, '7');
      await lantern(p);
    } },
    { name: 'k07-offline', async play(p) {
      await open(p);
      await post(`${register}mock/state`, { link: { state: 'offline', waiting: 3,
        since: new Date(Date.now() - 12 * 60_000).toISOString(), last_answer_age_ms: 720_000 } });
      await lantern(p);
      await book(p, '7');
      await p.waitForTimeout(300);
    } },
    { name: 'k08-cashier', async play(p) {
      await enter(p);
      await p.keyboard.press('F1');
      await p.getByTestId('open-stock').click();
      await lantern(p);
    } },
    { name: 'k08-cashier-de-1024', width: 1024, height: 768, dark: true, async play(p) {
      await enter(p, '?lang=de');
      await p.keyboard.press('F1');
      await p.getByTestId('open-stock').click();
      await lantern(p);
    } },
    { name: 'k09-doubt', async play(p) { await open(p); await doubt(p); } },
    { name: 'k09-doubt-de-1024', width: 1024, height: 768, async play(p) {
      await open(p, '?lang=de');
      await doubt(p);
    } },
    { name: 'k10-kit', async play(p) {
      await open(p, '?lang=de');
      await take(p, '5391520941535', 'BX-KRAFT-M');
      await p.getByTestId('stock-quantity').fill('2');
      await p.getByTestId('stock-book').click();
      await p.getByTestId('stock-trouble').waitFor();
    } },
    { name: 'k11-lost-answer', async play(p) {
      await counting(p);
      await p.route('**/api/stock/acts', (r) => r.fulfill({ status: 503,
        contentType: 'application/problem+json', body: JSON.stringify({ status: 503,
          code: 'storage_failed', detail: 'The disk of this register’s machine failed, and the ' +
            'agent starts anew. The receipts say what was booked.' }) }), { times: 1 });
      await p.getByTestId('stock-book').click();
      await p.getByTestId('stock-lost').waitFor();
    } },
    { name: 'k12-unknown', async play(p) {
      await open(p);
      await scan(p, '5391520940548');
      await p.getByTestId('stock-trouble').waitFor();
    } },
    { name: 'k13-search', async play(p) {
      await open(p);
      await p.keyboard.type('lant', { delay: 60 });
      await p.getByTestId('result').first().waitFor();
    } },
    { name: 'k14-breaks', async play(p) {
      await counting(p);
      await p.getByTestId('stock-quantity').fill('1');
    } },
    { name: 'k15-serial-scan', async play(p) {
      await open(p);
      await post(`${register}mock/scan`, { code: '5391520940866' });
      await p.getByTestId('stock-item').waitFor();
      await p.waitForTimeout(300);
      await p.keyboard.press('Escape');
      await p.keyboard.press('Escape');
      await p.getByTestId('ticket-empty').waitFor();
    } },
    { name: 'k16-menu', async play(p) {
      await open(p);
      await p.getByTestId('menu').click();
    } },
  ];
}
