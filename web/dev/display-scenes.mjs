// The states of the customer display worth a picture.

export function displayScenes(register, post) {
  return [
    ...[['', {}], ['-dark-de', { dark: true, query: '?lang=de' }],
      ['-1024', { width: 1024, height: 768 }], ['-phone', { width: 390, height: 844 }],
    ].flatMap(([name, { query = '', ...look }]) => [
      { name: `d01-idle${name}`, least: 0, ...look, async play(p) {
        await post(`${register}mock/reset`);
        await p.goto(`${register}display${query}#key=k`);
        await p.getByTestId('display-idle').waitFor();
      } },
      { name: `d02-selling${name}`, least: 0, ...look, async play(p) {
        await p.goto(`${register}display${query}#key=k`);
        for (const code of ['5391520940118', '5391520940224', '5391520940330', '5391520940866',
          '5391520940866']) await post(`${register}mock/scan`, { code });
        await p.getByTestId('display-line').nth(3).waitFor();
      } },
      { name: `d03-thanks${name}`, least: 0, ...look, async play(p) {
        await p.goto(`${register}display${query}#key=k`);
        await post(`${register}mock/scan`, { code: '5391520940866' });
        await p.getByTestId('display-line').first().waitFor();
        const t = await (await fetch(`${register}api/ticket`)).json();
        await post(`${register}api/ticket/pay`, { shown: { fingerprint: t.fingerprint },
          tenders: [{ kind: 'cash', given: { minor: t.total.minor + 1110, currency: 'EUR' } }] });
        await p.getByTestId('thanks').waitFor();
      } },
    ]),
    { name: 'd04-none', least: 0, async play(p) {
      await post(`${register}mock/world`, { display: false });
      await p.goto(`${register}display`);
      await p.getByTestId('no-display').waitFor();
    } },
  ];
}
