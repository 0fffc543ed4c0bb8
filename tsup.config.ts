import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'tsup';

interface Manifest {
  exports: Record<string, string | { '@flowmap/source': string }>;
  /** What the package imports by a name of its own, which differs in a browser. */
  imports?: Record<string, { '@flowmap/source': Record<string, string> }>;
}

const root = import.meta.dirname;
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;

/** The sources behind the package's entries; `tsc` writes the declarations beside the outputs. */
const entry = [
  ...Object.values(manifest.exports).flatMap((target) =>
    typeof target === 'string' ? [] : [target['@flowmap/source']],
  ),
  ...Object.values(manifest.imports ?? {}).flatMap((target) => Object.values(target['@flowmap/source'])),
];

export default defineConfig({
  entry,
  outDir: 'dist',
  format: 'esm',
  target: 'es2022',
  platform: 'neutral',
  sourcemap: true,
  splitting: true,
  clean: true,
  dts: false,
  removeNodeProtocol: false,
  skipNodeModulesBundle: true,
  esbuildOptions(options) {
    options.outbase = 'src'; // also for a package whose only entry is below it
  },
  onSuccess: () => {
    copyFileSync(join(root, 'LICENSE'), 'LICENSE');
    return Promise.resolve();
  },
});
