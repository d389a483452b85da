// Holds the pages to their weight: JavaScript that a page loads at once, gzipped, in kB.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const dist = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'dist');
const bars = { register: 80, display: 60, shop: 60, setup: 140, bench: 60 };
let broken = false;

/** The scripts that a page's HTML names, and those that they import in turn. */
function scripts(page) {
  const html = fs.readFileSync(path.join(dist, `${page}.html`), 'utf8');
  const found = new Set();
  const follow = (name) => {
    if (found.has(name)) return;
    found.add(name);
    const text = fs.readFileSync(path.join(dist, 'assets', name), 'utf8');
    for (const [, next] of text.matchAll(/from\s*["'`]\.\/([\w.-]+\.js)["'`]/g)) follow(next);
  };
  for (const [, name] of html.matchAll(/"\.\/assets\/([\w.-]+\.js)"/g)) follow(name);
  return [...found];
}

for (const [page, bar] of Object.entries(bars)) {
  const bytes = scripts(page)
    .map((name) => gzipSync(fs.readFileSync(path.join(dist, 'assets', name))).length)
    .reduce((sum, n) => sum + n, 0);
  const size = bytes / 1000;
  const ok = size <= bar;
  broken ||= !ok;
  console.log(`${page}: ${size.toFixed(1)} kB of ${bar}${ok ? '' : ' TOO LARGE'}`);
}
// The element stands on other people's pages: one script, no framework.
const ELEMENT = 15;
const element = gzipSync(fs.readFileSync(path.join(dist, 'element', 'oneshelf.js'))).length / 1000;
broken ||= element > ELEMENT;
console.log(`element: ${element.toFixed(1)} kB of ${ELEMENT}${element > ELEMENT ? ' TOO LARGE' : ''}`);
process.exitCode = broken ? 1 : 0;
