// What is on the way at the register: the lists, unpacking, handing over, sending, and what may
// stand in the way.
export function movingScenes(register, door, enter, post, scan) {
  const at = async (p, query, staff = 'sile', pin = '123456') => {
    await door(p, query);
    await p.locator(`[data-testid=staff-tile][data-staff=${staff}]`).click();
    await p.keyboard.type(pin, { delay: 60 });
    await p.getByTestId('float').fill('150');
    await p.keyboard.press('Enter');
    await p.getByTestId('scan-box').waitFor();
    await p.keyboard.press('F1');
    await p.getByTestId('open-stock').click();
    await p.locator('[data-testid=open-moving][data-count="3"]').waitFor();
  };
  const list = async (p, query, ...who) => {
    await at(p, query, ...who);
    await p.keyboard.press('F4');
    await p.getByTestId('moving-row').first().waitFor();
  };
  const open = async (p, id) => {
    await p.locator(`[data-testid=moving-row][data-id=${id}]`).click();
    await p.locator('[data-testid=unpack-line],[data-testid=give-line]').first().waitFor();
  };
  const unpack = async (p, query) => {
    await list(p, query);
    await open(p, 'rsv_11');
  };
  const line = (p, sku, column) =>
    p.locator(`[data-testid=unpack-line][data-sku="${sku}"]`).getByTestId(`unpack-${column}`);
  // By the agent's own scanner: keys are no burst on a machine that is busy.
  const serial = async (p, code) => {
    await p.locator('[data-testid=stock-page][data-looking]').waitFor();
    await post(`${register}mock/scan`, { code });
  };
  const less = async (p, query) => {
    await unpack(p, query);
    await line(p, 'LA-400-CLY', 'damaged').fill('1');
    await line(p, 'EN-MUG-CRM', 'good').fill('22');
    await line(p, 'FJ-750-MOS', 'good').fill('11');
    await p.getByTestId('unpack-close').click();
    await serial(p, '5391520940224');
    await p.locator('[data-testid=unpack-line][data-sku="EN-MUG-CRM"][data-selected]').waitFor();
    await p.waitForTimeout(100);
  };
  const send = async (p, query) => {
    await list(p, query);
    await p.getByTestId('moving-send').click();
    await serial(p, '5391520940866');
    await serial(p, '5391520940224');
    await p.getByTestId('send-line').nth(1).waitFor();
    await p.getByTestId('send-to').selectOption('S02');
  };
  const give = async (p, query) => {
    await list(p, query);
    await open(p, 'rsv_21');
  };
  const offline = { link: { state: 'offline', waiting: 3,
    since: new Date(Date.now() - 12 * 60_000).toISOString(), last_answer_age_ms: 720_000 } };
  const dark = { dark: true, query: '?lang=de' };
  const small = { width: 1024, height: 768, query: '?lang=de' };
  const narrow = { width: 320, height: 640, full: true, query: '?lang=de' };
  const phone = { width: 390, height: 844, full: true };
  const each = (name, play, looks) => looks.map(([more, { query, ...look } = {}]) =>
    ({ name: name + more, ...look, play: (p) => play(p, query) }));
  return [
    { name: 't00-door', play: (p) => at(p) },
    { name: 't00-door-phone', ...phone, play: (p) => at(p) },
    ...each('t01-on-the-way', list, [[''], ['-dark-de', dark], ['-phone', phone],
      ['-de-1024', small]]),
    ...each('t02-unpack', unpack, [[''], ['-dark-de', dark], ['-phone', phone]]),
    ...each('t03-unpack-less-closed', less, [[''], ['-dark-de', dark], ['-phone', phone],
      ['-de-1024', small]]),
    ...each('t04-outgoing', give, [[''], ['-phone-dark-de', { ...phone, ...dark }]]),
    ...each('t05-send', send, [[''], ['-dark-de', dark], ['-phone', phone], ['-de-1024', small],
      ['-wide', { width: 1920, height: 1080 }]]),
    { name: 't06-unpacked', async play(p) {
      await unpack(p);
      await line(p, 'EN-MUG-CRM', 'good').fill('20');
      await p.getByTestId('unpack-book').click();
      await p.getByTestId('stock-booked').waitFor();
      await open(p, 'rsv_12');
      await p.getByTestId('unpack-as-sent').click();
      await p.keyboard.press('Enter');
      await p.locator('[data-testid=moving-row][data-id=rsv_12]').waitFor({ state: 'detached' });
    } },
    { name: 't07-no-share', async play(p) {
      await send(p);
      await p.getByTestId('send-units').first().fill('4');
      await p.getByTestId('send-do').click();
      await p.getByTestId('stock-trouble').waitFor();
    } },
    { name: 't08-offline', async play(p) {
      await list(p);
      await post(`${register}mock/state`, offline);
      await post(`${register}mock/moves`, { told: false });
      await open(p, 'rsv_12');
      await p.getByTestId('unpack-book').click();
      // The hub has not said so yet, but here it is known.
      await p.locator('[data-testid=moving-row][data-id=rsv_12]').waitFor({ state: 'detached' });
      await p.getByTestId('moving-old').waitFor();
    } },
    { name: 't09-lost', async play(p) {
      await unpack(p);
      await p.route('**/api/stock/acts', (r) => r.fulfill({ status: 503,
        contentType: 'application/problem+json', body: JSON.stringify({ status: 503,
          code: 'storage_failed', detail: 'The disk of this register\u2019s machine failed, and ' +
            'the agent starts anew. The receipts say what was booked.' }) }), { times: 1 });
      await p.getByTestId('unpack-book').click();
      await p.getByTestId('stock-lost').waitFor();
    } },
    { name: 't10-cashier', async play(p) {
      await list(p, '', 'ana', '1234');
    } },
    { name: 't11-cashier-unpack-de', async play(p) {
      await list(p, '?lang=de', 'ana', '1234');
      await open(p, 'rsv_11');
    } },
    { name: 't12-not-left', async play(p) {
      await list(p);
      await open(p, 'rsv_13');
    } },
    { name: 't13-none', async play(p) {
      await list(p);
      await post(`${register}mock/moves`, { transfers: [], outgoing: [] });
      await p.locator('[data-testid=moving-row]').first().waitFor({ state: 'detached' });
    } },
    { name: 't14-ended', async play(p) {
      await unpack(p);
      await post(`${register}mock/moves`, { transfers: [] });
      await p.getByTestId('stock-trouble').waitFor();
    } },
    { name: 't15-keys', async play(p) {
      await list(p);
      await scan(p, '5391520940866');
      await p.locator('[data-testid=unpack-line][data-selected]').waitFor();
      await p.waitForTimeout(100);
      await p.keyboard.type('5', { delay: 60 });
      await p.keyboard.press('Enter');
      await p.keyboard.type('30', { delay: 60 });
      await p.keyboard.press('Enter');
      await p.keyboard.press('Enter');
      await scan(p, '5391520941511');
      await p.locator('[data-testid=unpack-line][data-sku="TN-BSC-500"]').waitFor();
    } },
    ...each('t17-narrow', less, [['', narrow]]),
    ...each('t18-narrow-send', send, [['', narrow]]),
    // What is in hand behind the list is still there.
    { name: 't19-back-to-item', async play(p) {
      await at(p);
      await serial(p, '5391520940866');
      await p.getByTestId('stock-quantity').fill('7');
      await p.keyboard.press('F4');
      await p.getByTestId('moving-row').first().waitFor();
      await p.keyboard.press('Escape');
      await p.locator('[data-testid=stock-item][data-sku="LA-400-CLY"]').waitFor();
    } },
    { name: 't16-send-empty', async play(p) {
      await list(p);
      await p.getByTestId('moving-send').click();
      await p.getByTestId('send-do').waitFor();
    } },
  ];
}
