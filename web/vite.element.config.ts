// The element's build: one classic script without modules, so that one tag is enough on any page.
// It runs after the pages' build, which empties `dist`.
import { defineConfig } from 'vite';

export default defineConfig({
  build: {
    target: 'es2022',
    emptyOutDir: false,
    outDir: 'dist/element',
    copyPublicDir: false,
    lib: {
      entry: 'src/element/main.ts',
      formats: ['iife'],
      name: 'OneshelfStock',
      fileName: () => 'oneshelf.js',
    },
  },
});
