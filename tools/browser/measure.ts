import { join } from 'node:path';
import { chromiumAdvice, findChromium } from '../chromium.js';
import { root } from '../run.js';
import { browserRuntimes, type Measured, type MeasuringPage } from './runtimes.js';
import { withPage } from './with-page.js';

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
  const modules = join(root, 'node_modules');
  const script = join(import.meta.dirname, 'page.ts');
  const folders = {
    onnxruntime: join(modules, 'onnxruntime-web/dist'),
    'tfjs-wasm': join(modules, '@tensorflow/tfjs-backend-wasm/dist'),
  };
  return withPage({ executablePath, script, folders }, async (browser, url) => {
    const results = new Map<string, Measured>();
    for (const runtime of browserRuntimes) {
      console.log(`${runtime}, in Chromium`);
      const page = await browser.newPage();
      page.on('pageerror', (error) => console.error(error));
      await page.goto(url);
      results.set(
        runtime,
        await page.evaluate((name) => (globalThis as unknown as MeasuringPage).measure(name), runtime),
      );
      await page.close();
    }
    return { version: browser.version(), results };
  });
}
