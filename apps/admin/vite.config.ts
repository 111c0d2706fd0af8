import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  base: '/admin/',
  plugins: [react()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    // The gateway sends a policy of 'self' only: nothing is inlined as data:.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The charts are one large part that loads after the page stands.
    chunkSizeWarningLimit: 700,
    // What others wrote changes seldom, and stays in the browser's cache when the page itself is another.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'libraries', test: /node_modules\/(?!echarts|zrender|tslib)/ }] } } },
  },
});
