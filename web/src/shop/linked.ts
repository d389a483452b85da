// The item on the page as search engines read it (schema.org, JSON-LD), in the page's head. Owns
// that one script element; the hub says what stands in it.
import { seg } from '../shared/api/http';
import { theApi } from './shop.svelte';

/** Puts the item there; gives what takes it away again. */
export function linked(sku: string): () => void {
  const stop = new AbortController();
  const script = document.createElement('script');
  script.type = 'application/ld+json';
  const path = `v1/public/items/${seg(sku)}/json-ld`;
  theApi()
    .get<unknown>(path, { signal: stop.signal })
    .then((product) => {
      script.textContent = JSON.stringify(product);
      document.head.appendChild(script);
    })
    // The page shows the item all the same; the next figure asks again.
    .catch(() => {});
  return () => {
    stop.abort();
    script.remove();
  };
}
