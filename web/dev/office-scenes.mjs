// The states of the set-up page about stores as they are now, copies of agents, kits, transfers.

const looks = [{}, { dark: true, de: true }, { width: 390, height: 844 },
  { width: 390, height: 844, dark: true, de: true }];

export function officeScenes(hub, goto, post) {
  // The language of the scene that is being played.
  let query = '';
  const office = (p, section) => goto(p, section, query);
  const each = (name, play, more = {}) => looks.map(({ de, ...look }, n) => ({
    name: `${name}-${n}`, least: 24, full: true, ...look, ...more, async play(p) {
      await post(`${hub}mock/world`, { noTransfers: false, noRoad: false, copies: true });
      query = de ? '?lang=de' : '';
      await play(p);
    } }));
  const list = async (p) => {
    await office(p, 'transfers');
    await p.getByTestId('filter-state').waitFor();
  };
  const open = async (p, state) => {
    await list(p);
    await p.locator(`[data-state=${state}]`).getByTestId('open-transfer').first().click();
    await p.getByTestId('transfer-line').first().waitFor();
  };
  const fresh = async (p) => {
    await list(p);
    await p.getByTestId('new-transfer').click();
    await p.getByTestId('picker').waitFor();
  };
  const add = async (p, text) => {
    await p.getByTestId('picker').fill(text);
    await p.keyboard.press('Enter');
    await p.locator(`[data-testid=new-line][data-sku="${text}"][data-available]`).waitFor();
  };
  return [
    ...[{}, { dark: true }, { width: 390, height: 844 }].map((look, n) => ({
      name: `o23-stores-${n}`, least: 24, full: true, ...look, async play(p) {
        await goto(p, 'stores');
        await p.getByTestId('store-stands').first().waitFor();
      } })),
    ...[{}, { dark: true, width: 390, height: 844 }].map((look, n) => ({
      name: `o24-store-${n}`, least: 24, full: true, ...look, async play(p) {
        await goto(p, 'stores');
        await p.locator('[data-location=S03]').getByTestId('open-store').click();
        await p.getByTestId('store-item').first().waitFor();
      } })),
    ...[{}, { dark: true, width: 390, height: 844 }].map((look, n) => ({
      name: `o25-retire-agent-${n}`, least: 24, ...look, async play(p) {
        await goto(p, 'stores', n ? '?lang=de' : '');
        await p.locator('[data-location=S03]').getByTestId('open-store').click();
        await p.getByTestId('retire-agent').click();
        await p.getByTestId('retire-code').fill('S03');
      } })),
    ...each('o50-attention', async (p) => {
      await post(`${hub}mock/facts`, {});
      await office(p, '');
      await p.getByTestId('look-at-fact').first().waitFor();
    }),
    ...each('o51-fact', async (p) => {
      await post(`${hub}mock/facts`, {});
      await office(p, '');
      await p.getByTestId('look-at-fact').first().click();
      await p.getByTestId('fact-note').fill('counted by Ana');
      await p.getByTestId('form').locator('[type=submit]').click();
      await p.getByTestId('form-wrong').waitFor();
    }),
    ...each('o52-fact-of-then', async (p) => {
      await post(`${hub}mock/facts`, {});
      await office(p, '');
      await p.getByTestId('look-at-fact').nth(1).click();
      await p.getByTestId('fact-note').waitFor();
    }),
    ...each('o26-copies', async (p) => {
      await office(p, 'agents');
      await p.getByTestId('agent-copies').waitFor();
    }),
    ...each('o27-copy-allow', async (p) => {
      await office(p, 'agents');
      await p.getByTestId('copy-allow').first().click();
      await p.getByTestId('save').waitFor();
    }, { full: false }),
    ...each('o28-kit', async (p) => {
      await office(p, 'items');
      await p.getByTestId('edit-kit').nth(2).click();
      await p.getByTestId('part-sku').first().fill('EN-MUG-CRM');
      await p.getByTestId('part-add').click();
      await p.getByTestId('part-sku').nth(1).fill('CF-KEN-AA');
    }, { full: false }),
    ...each('o30-transfers', async (p) => {
      await list(p);
      await p.getByTestId('transfer-row').first().waitFor();
    }),
    ...each('o31-no-transfers', async (p) => {
      await post(`${hub}mock/world`, { noTransfers: true });
      await list(p);
      await p.getByTestId('transfer-row').first().waitFor({ state: 'detached' });
    }, { full: false }),
    ...each('o32-transfer-to-send', (p) => open(p, 'committed')),
    ...each('o33-transfer-on-its-way', (p) => open(p, 'in_transit')),
    ...each('o34-transfer-arrived', (p) => open(p, 'transferred')),
    ...each('o35-transfer-short', (p) => open(p, 'short')),
    ...each('o36-transfer-arrival', async (p) => {
      await open(p, 'in_transit');
      await p.getByTestId('receive-transfer').click();
      await p.getByTestId('arrival-good').first().fill('3');
      await p.getByTestId('arrival-damaged').first().fill('2');
      await p.getByTestId('arrival-good').nth(1).fill('26');
      await p.getByTestId('arrival-close').check();
    }, { full: false }),
    ...each('o37-transfer-ship', async (p) => {
      await open(p, 'committed');
      await p.getByTestId('ship-transfer').click();
      await p.getByTestId('save').waitFor();
    }, { full: false }),
    ...each('o38-new-transfer', async (p) => {
      await fresh(p);
      await add(p, 'LA-400-CLY');
      await add(p, 'FJ-750-MOS');
      await add(p, 'XX-HOSTILE');
      await p.getByTestId('new-units').first().fill('6');
    }),
    ...each('o39-new-transfer-search', async (p) => {
      await fresh(p);
      await p.getByTestId('transfer-from').selectOption('S07');
      await p.getByTestId('picker').fill('lan');
      await p.getByTestId('picker-result').first().waitFor();
      await p.getByText(/\d+ (available|verfügbar)/).first().waitFor();
    }),
    ...each('o40-new-transfer-too-many', async (p) => {
      await fresh(p);
      await p.getByTestId('transfer-from').selectOption('S07');
      await add(p, 'LA-400-CLY');
      await p.getByTestId('new-units').first().fill('12');
    }),
    ...each('o41-new-transfer-no-road', async (p) => {
      await post(`${hub}mock/world`, { noRoad: true });
      await fresh(p);
    }),
    ...each('o42-road-form', async (p) => {
      await post(`${hub}mock/world`, { noRoad: true });
      await fresh(p);
      await p.getByTestId('add-road').click();
      await p.getByTestId('location-code').fill('T01');
    }, { full: false }),
  ];
}

/** A register that was put back, or copied. */
export function lifeScenes(register, enter, post) {
  const states = [['restored', false], ['restored', true], ['copied', true], ['waits', false]];
  return states.flatMap(([state, may_pay]) =>
    [{}, { dark: true, query: '?lang=de' }, { width: 390, height: 844 }].map(({ query, ...look }, n) => ({
      name: `r50-life-${state}${may_pay ? '-may-pay' : ''}-${n}`, ...look, async play(p) {
        await enter(p, query);
        await post(`${register}mock/state`, { life: { state, may_pay, since: new Date().toISOString(),
          life: 'inc_0192b3c4d5e67f8090a1b2c3d4e5f617' } });
        await p.getByTestId('life-notice').waitFor();
      } })));
}
