// Drives the pages against the stand-ins with Chromium: pictures into a folder outside the tree,
// axe, target sizes and overflow for each. `CHROMIUM=... node dev/shots.mjs FOLDER [name ...]`.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { scenes } from './scenes.mjs';

const [folder, ...wanted] = process.argv.slice(2);
if (!folder || !process.env.CHROMIUM)
  throw new Error('name a folder for the pictures, and a browser in CHROMIUM');
const first = Number(process.env.MOCK_PORT ?? 8790);
fs.mkdirSync(folder, { recursive: true });
const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
let bad = 0;

async function judge(page, least) {
  const violations = await page.evaluate(`(async () => {
    ${axe};
    const o = await axe.run(document, { runOnly: ${JSON.stringify(rules)} });
    return o.violations.map((v) => v.id + ' ' + v.nodes.length + ': ' +
      v.nodes.slice(0, 2).map((n) => n.html.slice(0, 150)).join(' | '));
  })()`);
  const small = await page.evaluate((min) =>
    [...document.querySelectorAll('button, a[href], input, select, [role=switch]')]
      .map((e) => [e, (e.closest('label') ?? e).getBoundingClientRect()])
      .filter(([e, r]) => r.width > 1 && (r.height < min || r.width < min) && e.checkVisibility())
      .map(([e, r]) => `${(e.textContent || e.ariaLabel || e.name || '').trim().slice(0, 24)} ` +
        `${Math.round(r.width)}x${Math.round(r.height)}`), least);
  const over = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth - innerWidth,
    high: document.documentElement.scrollHeight - innerHeight,
  }));
  return { violations, small, over };
}

for (const scene of scenes(first)) {
  if (wanted.length && !wanted.some((w) => scene.name.startsWith(w))) continue;
  const context = await browser.newContext({
    viewport: { width: scene.width ?? 1280, height: scene.height ?? 800 },
    reducedMotion: 'reduce', locale: 'en-IE', timezoneId: 'Europe/Dublin',
    colorScheme: scene.dark ? 'dark' : 'light',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const said = [];
  page.on('pageerror', (e) => said.push(`pageerror ${e.message}`));
  page.on('console', (m) => {
    if (m.type() === 'error' && !/401|404|409|422|503/.test(m.text())) said.push(m.text());
  });
  try {
    await scene.play(page);
    await page.evaluate(() => document.fonts.ready);
    await page.waitForTimeout(150);
    await page.screenshot({ path: path.join(folder, `${scene.name}.png`), fullPage: scene.full });
    const { violations, small, over } = await judge(page, scene.least ?? 48);
    bad += violations.length + said.length;
    console.log(scene.name, 'axe', violations.length, 'small', small.length, JSON.stringify(over));
    [...violations, ...said, ...small.slice(0, 8)].forEach((v) => console.log('   !', v));
  } catch (cause) {
    bad += 1;
    await page.screenshot({ path: path.join(folder, `${scene.name}-failed.png`) });
    console.log(scene.name, 'FAILED', cause.message.split('\n').slice(0, 4).join(' / '), said);
  }
  await context.close();
}
await browser.close();
process.exitCode = bad ? 1 : 0;
