// <oneshelf-stock sku key [location] [lang] [hub] [json-ld]>: live stock on any page, from one
// script. Owns the element's attributes and its life on the page; the line is hub.ts, the words
// are words.ts, the look is look.ts. Written by hand: other people's pages load no framework.
import { lineTo, type Line, type Watcher } from './hub';
import { Look } from './look';
import { say, silent, wordsOf, type Said } from './words';

const NAME = 'oneshelf-stock';
const SCRIPT = 'element/oneshelf.js';

/** The hub that served this script. */
function ownHub(): string {
  const script =
    (document.currentScript as HTMLScriptElement | null) ??
    document.querySelector<HTMLScriptElement>(`script[src*="${SCRIPT}"]`);
  return script ? new URL('..', script.src).href : new URL('/', location.href).href;
}

const own = ownHub();

class OneshelfStock extends HTMLElement implements Watcher {
  static readonly observedAttributes = ['sku', 'key', 'location', 'lang', 'hub', 'json-ld'];

  sku = '';
  private line: Line | null = null;
  private look: Look | null = null;
  private linked: HTMLScriptElement | null = null;
  private told = '';
  /** Of the newest question for what search engines read; an answer to an older one is nothing. */
  private turn = 0;

  connectedCallback() {
    this.look ??= new Look(this.attachShadow({ mode: 'open' }));
    this.join();
  }

  disconnectedCallback() {
    this.leave();
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null) {
    if (!this.isConnected || before === now || !this.look) return;
    if (name === 'sku' || name === 'key' || name === 'hub') {
      this.leave();
      this.join();
    } else if (name === 'json-ld') {
      void this.link();
    } else {
      this.changed();
    }
  }

  private join() {
    this.sku = this.getAttribute('sku') ?? '';
    const key = this.getAttribute('key') ?? '';
    const hub = this.getAttribute('hub');
    if (this.sku && key) {
      this.line = lineTo(hub ? new URL(hub.replace(/\/*$/, '/'), location.href).href : own, key);
      this.line.add(this);
    }
    this.changed();
  }

  /** Nothing that was said or asked about the item is about the next one. */
  private leave() {
    this.line?.remove(this);
    this.line = null;
    this.unlink();
    this.told = '';
  }

  private unlink() {
    this.turn += 1;
    this.linked?.remove();
    this.linked = null;
  }

  /** Of the element, else of what it stands in, else of the browser. */
  private language(): string {
    return this.closest('[lang]')?.getAttribute('lang') || navigator.language || 'en';
  }

  private says(lang: string): Said {
    const line = this.line;
    if (!line || line.state === 'refused') return silent('unknown', lang);
    const item = line.of(this.sku);
    if (item) {
      const heard = line.state === 'live' ? null : line.heard;
      return say(item, this.getAttribute('location'), heard, lang);
    }
    const asking = item === undefined && line.state !== 'lost';
    return silent(asking ? 'loading' : 'unknown', lang);
  }

  changed() {
    let lang = this.language();
    try {
      Intl.getCanonicalLocales(lang);
    } catch {
      lang = 'en';
    }
    const said = this.says(lang);
    this.look?.draw(said, wordsOf(lang).live);
    this.dataset.state = said.state;
    this.toggleAttribute('data-old', said.age !== '');
    const now = `${said.state} ${said.units} ${said.age !== ''}`;
    if (now === this.told) return;
    this.told = now;
    const detail = { sku: this.sku, state: said.state, units: said.units, old: said.age !== '' };
    this.dispatchEvent(new CustomEvent('oneshelf-stock', { detail, bubbles: true }));
    void this.link();
  }

  /** What search engines read, where the page wants it. */
  private async link() {
    if (!this.hasAttribute('json-ld')) return this.unlink();
    const turn = (this.turn += 1);
    const data = await this.line?.linked(this.sku);
    if (!data || turn !== this.turn) return;
    if (!this.linked) {
      this.linked = document.createElement('script');
      this.linked.type = 'application/ld+json';
      document.head.appendChild(this.linked);
    }
    this.linked.textContent = data;
  }
}

if (!customElements.get(NAME)) customElements.define(NAME, OneshelfStock);
