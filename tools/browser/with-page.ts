import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { chromium, type Browser } from 'playwright';
import { chromiumFlags } from '../chromium.js';
import { serve } from './server.js';

/** A page that is one script. */
export interface ScriptPage {
  readonly executablePath: string;
  /** Its TypeScript file. */
  readonly script: string;
  /** Folders by the path at which the page finds them. */
  readonly folders: Readonly<Record<string, string>>;
}

/** Bundles a page from our sources, serves it, and drives it with a headless Chromium, which is closed afterwards. */
export async function withPage<T>(
  { executablePath, script, folders }: ScriptPage,
  drive: (browser: Browser, url: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'flowmap-page-'));
  const server = await serve({ '': folder, ...folders });
  const browser = await chromium.launch({ executablePath, args: [...chromiumFlags] });
  try {
    await build({
      entryPoints: [script],
      outdir: folder,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'browser',
      conditions: ['@flowmap/source', 'browser'],
      logLevel: 'error',
    });
    const tag = `<script type="module" src="${basename(script, '.ts')}.js"></script>`;
    writeFileSync(join(folder, 'index.html'), `<!doctype html><title>Flowmap</title>${tag}`);
    return await drive(browser, server.url);
  } finally {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true });
  }
}
