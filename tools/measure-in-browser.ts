import { createReadStream, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import type { Exactness } from '@flowmap/tensor/testing';
import { build } from 'esbuild';
import { chromium } from 'playwright';
import { chromiumAdvice, chromiumFlags, findChromium, isolationHeaders } from './chromium.js';
import { root } from './run.js';

/** What the page of `browser-page.ts` offers. */
export interface MeasuringPage {
  measure(runtime: string): Promise<readonly Exactness[]>;
}

/**
 * Measures runtimes in a headless Chromium against the reference, one after the other, each in a page of its own.
 *
 * @param runtimes keys of the table in `browser-page.ts`
 * @throws where there is no Chromium
 */
export async function measureInBrowser(
  runtimes: readonly string[],
): Promise<ReadonlyMap<string, readonly Exactness[]>> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(`There is no Chromium here; ${chromiumAdvice}.`);
  const folder = mkdtempSync(join(tmpdir(), 'flowmap-page-'));
  const server = await serve(folder);
  const browser = await chromium.launch({ executablePath, args: chromiumFlags });
  try {
    await bundle(folder);
    const results = new Map<string, readonly Exactness[]>();
    for (const runtime of runtimes) {
      const page = await browser.newPage();
      page.on('pageerror', (error) => console.error(error));
      await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/index.html`);
      const measured = page.evaluate(
        (name) => (globalThis as unknown as MeasuringPage).measure(name),
        runtime,
      );
      results.set(runtime, await measured);
      await page.close();
    }
    return results;
  } finally {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true });
  }
}
