// How the element looks: its own styles, and its few parts. Nothing of the page's leaks in but
// type and colour, which it inherits, and the custom properties that docs/element.md names.
import type { Said } from './words';

const css = `
:host {
  display: block; max-width: 26rem; color: inherit;
  font-family: var(--oneshelf-font, inherit); font-size: 0.9375rem; line-height: 1.4;
  --a: var(--oneshelf-accent, #1f46d8);
  --a: var(--oneshelf-accent, light-dark(#1f46d8, #8ea4ff));
  --line: color-mix(in srgb, currentColor 18%, transparent);
}
:host([hidden]) { display: none; }
.box {
  padding: var(--oneshelf-padding, 1rem); border-radius: var(--oneshelf-radius, 0.75rem);
  background: var(--oneshelf-background, color-mix(in srgb, currentColor 4%, transparent));
  box-shadow: inset 0 0 0 1px var(--oneshelf-border, var(--line));
}
.head { display: flex; justify-content: space-between; gap: 0.75rem; font-size: 0.8125rem; }
.place { font-weight: 600; min-width: 0; overflow-wrap: anywhere; unicode-bidi: isolate; }
.age { display: inline-flex; flex: none; align-items: center; gap: 0.375rem; }
.dot { width: 8px; height: 8px; border-radius: 50%; background: var(--oneshelf-live, #1c8a4d); }
.line {
  display: flex; align-items: center; gap: 0.375rem; margin: 0.5rem 0 0;
  font-size: 1.125rem; font-weight: 650; letter-spacing: -0.01em;
  font-variant-numeric: tabular-nums;
}
.old .line, .old .shelf { opacity: 0.78; }
.note { margin: 0; font-size: 0.875rem; }
.note:empty { display: none; }
svg {
  width: 1em; height: 1em; flex: none; fill: none; stroke: currentColor; stroke-width: 2;
  stroke-linecap: round; stroke-linejoin: round;
}
.shelf {
  /* One row: a block that does not fit whole is not seen. */
  display: flex; flex-wrap: wrap; gap: 8px 3px; box-sizing: content-box; height: 18px;
  margin-top: 0.75rem; padding-bottom: 3px; overflow: hidden;
  border-bottom: 2px solid color-mix(in srgb, currentColor 28%, transparent);
}
.shelf[hidden] { display: none; }
.shelf i {
  width: 10px; height: 18px; flex: none; border-radius: 2.5px 2.5px 1px 1px; background: var(--a);
}
.shelf i.off {
  box-sizing: border-box; background: none;
  border: 1.5px dashed color-mix(in srgb, currentColor 42%, transparent);
}
@media (prefers-reduced-motion: no-preference) {
  .dot { animation: live 2.4s ease-out infinite; }
  @keyframes live {
    0% { box-shadow: 0 0 0 0 color-mix(in srgb, var(--oneshelf-live, #1c8a4d) 50%, transparent); }
    70%, 100% { box-shadow: 0 0 0 7px transparent; }
  }
}`;

const ICONS = {
  tick: 'm3 8.5 3.3 3.3L13 4.8',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M8 5v3.2l2.2 1.3',
  dash: 'M3.5 8h9',
  back: 'M2.5 8a5.5 5.5 0 1 0 1.8-4.1M2.5 2.5v3h3M8 5v3.2l2.2 1.3',
};
const SVG = 'http://www.w3.org/2000/svg';
/** Blocks of an empty shelf, and the most that are drawn. */
const FEWEST = 6;
const MOST = 24;

let sheet: CSSStyleSheet | null = null;

/** Made, not parsed: pages may forbid markup from texts. */
function make(parent: Node, name: string, part?: string): HTMLElement {
  const made = document.createElement(name);
  if (part) made.setAttribute('part', (made.className = part));
  parent.appendChild(made);
  return made;
}

function icon(name: keyof typeof ICONS): SVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', ICONS[name]);
  svg.appendChild(path);
  return svg;
}

export class Look {
  private readonly box: HTMLElement;
  private readonly place: HTMLElement;
  private readonly age: HTMLElement;
  private readonly line: HTMLElement;
  private readonly note: HTMLElement;
  private readonly shelf: HTMLElement;

  constructor(root: ShadowRoot) {
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
    }
    root.adoptedStyleSheets = [sheet];
    this.box = make(root, 'div', 'box');
    this.box.setAttribute('role', 'group');
    const head = make(this.box, 'div', 'head');
    this.place = make(head, 'span', 'place');
    this.age = make(head, 'span', 'age');
    this.line = make(this.box, 'p', 'line');
    this.line.setAttribute('aria-live', 'polite');
    this.note = make(this.box, 'p', 'note');
    this.shelf = make(this.box, 'div', 'shelf');
    this.shelf.setAttribute('aria-hidden', 'true');
  }

  draw(said: Said, live: string) {
    const known = said.state !== 'loading' && said.state !== 'unknown';
    this.box.className = `box ${said.state}${said.age ? ' old' : ''}`;
    this.box.setAttribute('aria-label', said.place);
    this.box.setAttribute('aria-busy', String(said.state === 'loading'));
    this.place.textContent = said.place;
    this.age.replaceChildren();
    if (said.age) this.age.append(icon('back'), said.age);
    else if (known) {
      make(this.age, 'i').className = 'dot';
      this.age.append(live);
    }
    const kind = { 'in-stock': 'tick', low: 'clock', out: 'dash', loading: null, unknown: null } as const;
    const name = kind[said.state];
    // The same words again would be read out again.
    if (this.line.textContent !== said.line || this.line.dataset.state !== said.state) {
      this.line.replaceChildren(...(name ? [icon(name)] : []), said.line);
      this.line.dataset.state = said.state;
    }
    this.note.textContent = said.note;
    this.shelf.hidden = said.units === null;
    this.stand(said.units ?? 0);
  }

  private stand(units: number) {
    const standing = Math.min(units, MOST);
    this.shelf.replaceChildren();
    for (let at = 0; at < Math.max(standing, FEWEST); at += 1) {
      const block = make(this.shelf, 'i');
      if (at >= standing) block.className = 'off';
    }
  }
}
