// The build: five pages, one per surface, in one Vite run. `base: './'` keeps every address
// relative, so that a page works at `/`, at `/shop/` and behind a proxy's prefix alike.
import { defineConfig } from 'vite';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import tailwindcss from '@tailwindcss/vite';

export default defineConfig({
  plugins: [tailwindcss(), svelte({ compilerOptions: { runes: true } })],
  base: './',
  build: {
    target: 'es2022',
    // Nothing is inlined as a data address: the pages' content policy allows only their own host.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: {
        register: 'register.html',
        display: 'display.html',
        shop: 'shop.html',
        setup: 'setup.html',
        bench: 'bench.html',
      },
    },
  },
});
