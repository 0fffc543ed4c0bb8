import { defaultClientConditions, defineConfig } from 'vite';

// With these headers the page is cross-origin isolated and WebAssembly has threads; a server of the built page must
// send them too.
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default defineConfig({
  base: './',
  root: import.meta.dirname,
  server: { headers },
  preview: { headers },
  worker: { format: 'es' },
  build: { target: 'es2023', chunkSizeWarningLimit: 1000 },
  // onnxruntime-web locates its WebAssembly relative to the address it was loaded from.
  optimizeDeps: { exclude: ['onnxruntime-web'] },
  // Inside this repository the packages' sources are used, so they need not be built first.
  resolve: { conditions: ['@flowmap/source', ...defaultClientConditions] },
});
