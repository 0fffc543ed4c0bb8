import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { mkdtempSync, rmSync } from 'node:fs';
import { chromium, type Page } from 'playwright';
import { build, preview } from 'vite';
import { chromiumFlags } from './chromium.js';
import { root } from './run.js';

/**
 * Builds `examples/browser`, serves it, opens it in headless Chromium and waits until its run has ended.
 *
 * @param query the query part of the page's address: `?start&device=cpu`
 * @param use what to do with the page then
 * @throws when the run fails, with the page's message
 */
export async function visitBuiltPage(
  executablePath: string,
  query: string,
  use: (page: Page) => Promise<void>,
): Promise<void> {
  const configFile = join(root, 'examples/browser/vite.config.ts');
  const outDir = mkdtempSync(join(tmpdir(), 'flowmap-page-'));
  const options = { configFile, logLevel: 'warn', build: { outDir, emptyOutDir: true } } as const;
  await build(options);
  const server = await preview(options);
  const browser = await chromium.launch({ executablePath, args: chromiumFlags });
  try {
    const page = await browser.newPage({ viewport: { width: 900, height: 900 } });
    await page.goto(new URL(query, server.resolvedUrls!.local[0]).href);
    await page.waitForSelector('body:is([data-status=done], [data-status=failed])', { timeout: 1_800_000 });
    const message = await page.textContent('#message');
    if ((await page.getAttribute('body', 'data-status')) === 'failed') throw new Error(message ?? 'The run failed.');
    await use(page);
  } finally {
    await browser.close();
    await server.close();
    rmSync(outDir, { recursive: true });
  }
}
