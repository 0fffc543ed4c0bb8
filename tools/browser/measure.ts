import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { chromium } from 'playwright';
import { chromiumAdvice, chromiumFlags, findChromium } from '../chromium.js';
import { root } from '../run.js';
import { browserRuntimes, type Measured, type MeasuringPage } from './runtimes.js';
import { serve } from './server.js';

/** What was measured in a browser: its version, and the results of each runtime. */
export interface BrowserMeasurement {
  readonly version: string;
  readonly results: ReadonlyMap<string, Measured>;
}

/**
 * Measures runtimes in a headless Chromium against the reference, one after another, each in its own page.
 *
 * @throws if there is no Chromium
 */
export async function measureInBrowser(): Promise<BrowserMeasurement> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(`There is no Chromium here; ${chromiumAdvice}.`);
  const folder = mkdtempSync(join(tmpdir(), 'flowmap-page-'));
  const modules = join(root, 'node_modules');
  const server = await serve({
    '': folder,
    onnxruntime: join(modules, 'onnxruntime-web/dist'),
    'tfjs-wasm': join(modules, '@tensorflow/tfjs-backend-wasm/dist'),
  });
  const browser = await chromium.launch({ executablePath, args: [...chromiumFlags] });
  try {
    await writePage(folder);
    const results = new Map<string, Measured>();
    for (const runtime of browserRuntimes) {
      console.log(`${runtime}, in Chromium`);
      const page = await browser.newPage();
      page.on('pageerror', (error) => console.error(error));
      await page.goto(server.url);
      results.set(
        runtime,
        await page.evaluate((name) => (globalThis as unknown as MeasuringPage).measure(name), runtime),
      );
      await page.close();
    }
    return { version: browser.version(), results };
  } finally {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true });
  }
}

async function writePage(folder: string): Promise<void> {
  await build({
    entryPoints: [join(import.meta.dirname, 'page.ts')],
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['@flowmap/source', 'browser'],
    logLevel: 'error',
  });
  writeFileSync(
    join(folder, 'index.html'),
    '<!doctype html><title>Flowmap</title><script type="module" src="page.js"></script>',
  );
}
