import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { median } from '@flowmap/example-common';
import * as ort from 'onnxruntime-node';
import { chromium } from 'playwright';
import { chromiumFlags, findChromium } from '../tools/chromium.js';
import { serve } from '../tools/browser/server.js';
import { root } from '../tools/run.js';
import type { TimingPage } from './exported-page.js';
import { students, timeSamplers, type SamplerTimes } from './exported-samplers.js';

interface Options {
  readonly threads: number;
  readonly rounds: number;
  readonly small: boolean;
}

/**
 * Times our sampler and the exported file in plain onnxruntime in turn, in Node and, where there is Chromium, in a page
 * in WebAssembly; prints a table in Markdown.
 */
export async function timeExported(options: Options): Promise<void> {
  console.log('| student | where | our sampler ms | exported file ms | exported : ours |');
  console.log('| --- | --- | ---: | ---: | ---: |');
  for (const [name, model] of Object.entries(students(options.small))) {
    printRow(name, 'onnxruntime-node', await timeSamplers(ort, model, options));
  }
  const executablePath = findChromium();
  if (executablePath !== undefined) await timeInPage(executablePath, options);
}

function printRow(name: string, where: string, { ours, exported }: SamplerTimes): void {
  const [own, theirs] = [median(ours), median(exported)];
  console.log(`| ${name} | ${where} | ${own.toFixed(1)} | ${theirs.toFixed(1)} | ${(theirs / own).toFixed(2)} |`);
}

async function timeInPage(executablePath: string, options: Options): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'flowmap-page-'));
  const server = await serve({ '': folder, onnxruntime: join(root, 'node_modules/onnxruntime-web/dist') });
  const browser = await chromium.launch({ executablePath, args: chromiumFlags });
  try {
    await build({
      entryPoints: [join(import.meta.dirname, 'exported-page.ts')],
      outdir: folder,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'browser',
      conditions: ['@flowmap/source', 'browser'],
      logLevel: 'error',
    });
    const script = '<script type="module" src="exported-page.js"></script>';
    writeFileSync(join(folder, 'index.html'), `<!doctype html><title>Exported</title>${script}`);
    const page = await browser.newPage();
    page.on('pageerror', (error) => console.error(error));
    await page.goto(server.url);
    for (const name of Object.keys(students(options.small))) {
      const times = await page.evaluate(
        ([student, given]) => (globalThis as unknown as TimingPage).time(student, given),
        [name, options] as const,
      );
      printRow(name, `Chromium ${browser.version().split('.')[0]!}, WebAssembly`, times);
    }
  } finally {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true });
  }
}
