// Which language and theme this browser uses. Owns the two choices and where they are kept
// (localStorage of the device); knows no page. A `?lang=` or `?theme=` in the address wins.
export type Language = 'en' | 'de';
export type Theme = 'light' | 'dark';

const query = new URLSearchParams(location.search);

/** Storage may be forbidden by the browser; a page must work without it. */
export function recall(key: string): string | null {
  try {
    return localStorage.getItem(`oneshelf.${key}`);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string | null) {
  try {
    if (value === null) localStorage.removeItem(`oneshelf.${key}`);
    else localStorage.setItem(`oneshelf.${key}`, value);
  } catch {
    // Without storage the choice lasts until the page is closed.
  }
}

function chosenLocale(): string {
  const wanted = query.get('lang') ?? recall('language') ?? navigator.language ?? 'en-IE';
  if (wanted.startsWith('de')) return wanted === 'de' ? 'de-DE' : wanted;
  // Without a region English means Irish English here: day before month, 24 hours.
  return wanted.startsWith('en-') && wanted !== 'en-US' ? wanted : 'en-IE';
}

export let locale = chosenLocale();
export const language: Language = locale.startsWith('de') ? 'de' : 'en';

/** The retailer's region for figures and dates, where it speaks this device's language. */
export function useRegion(wanted: string) {
  if (!query.has('lang') && wanted.startsWith(language)) locale = wanted;
}

export function pick<T>(strings: Record<Language, T>): T {
  return strings[language];
}

/** A change of language starts the page again: what is on it is kept by the hub or the agent. */
export function chooseLanguage(next: Language) {
  remember('language', next === 'de' ? 'de-DE' : 'en-IE');
  const url = new URL(location.href);
  url.searchParams.delete('lang');
  location.replace(url);
  location.reload();
}

export function theme(): Theme {
  return document.documentElement.dataset.theme === 'dark' ? 'dark' : 'light';
}

export function chooseTheme(next: Theme) {
  remember('theme', next);
  document.documentElement.dataset.theme = next;
}

/** Sets language and theme on the document; `follow` is false where the retailer decides. */
export function applyLocale(follow = true) {
  const root = document.documentElement;
  root.lang = locale;
  const device = matchMedia('(prefers-color-scheme: dark)');
  const wanted = query.get('theme') ?? recall('theme');
  const fallback = device.matches ? 'dark' : 'light';
  root.dataset.theme = follow ? (wanted ?? fallback) : 'light';
  if (!follow || wanted) return;
  device.addEventListener('change', (e) => {
    if (!recall('theme')) root.dataset.theme = e.matches ? 'dark' : 'light';
  });
}
