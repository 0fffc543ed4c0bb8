import { join } from 'node:path';
import { median } from '@flowmap/example-common';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import * as ort from 'onnxruntime-node';
import { withPage } from '../tools/browser/with-page.js';
import { findChromium } from '../tools/chromium.js';
import { root } from '../tools/run.js';
import type { TimingPage } from './exported-page.js';
import { students, timeSamplers, type SamplerTimes } from './exported-samplers.js';
import { processorTime } from './measure.js';

interface Options {
  readonly threads: number;
  readonly rounds: number;
  readonly small: boolean;
}

/**
 * Times our sampler and the exported file in plain onnxruntime in turn, in Node and, if there is Chromium, with
 * WebAssembly in a page; prints a table of processor times in Markdown.
 */
export async function timeExported(options: Options): Promise<void> {
  console.log('| student | where | our sampler ms | exported file ms | exported : ours | least : least |');
  console.log('| --- | --- | ---: | ---: | ---: | ---: |');
  const runtime = await onnxRuntime({ device: 'cpu', threads: options.threads });
  for (const [name, model] of Object.entries(students(options.small))) {
    printRow(name, 'onnxruntime-node', await timeSamplers(ort, model, { ...options, runtime, clock: processorTime }));
  }
  const executablePath = findChromium();
  if (executablePath !== undefined) await timeInPage(executablePath, options);
}

/** Medians, their ratio, and the ratio of the shortest times. */
function printRow(name: string, where: string, { ours, exported }: SamplerTimes): void {
  const [own, theirs] = [median(ours), median(exported)];
  const ratios = [theirs / own, Math.min(...exported) / Math.min(...ours)].map((ratio) => ratio.toFixed(2));
  console.log(`| ${[name, where, own.toFixed(1), theirs.toFixed(1), ...ratios].join(' | ')} |`);
}

async function timeInPage(executablePath: string, options: Options): Promise<void> {
  const script = join(import.meta.dirname, 'exported-page.ts');
  const folders = { onnxruntime: join(root, 'node_modules/onnxruntime-web/dist') };
  await withPage({ executablePath, script, folders }, async (browser, url) => {
    const page = await browser.newPage();
    page.on('pageerror', (error) => console.error(error));
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    await page.exposeFunction('processTime', async () => {
      const { metrics } = await session.send('Performance.getMetrics');
      return metrics.find(({ name }) => name === 'ProcessTime')!.value;
    });
    await page.goto(url);
    for (const name of Object.keys(students(options.small))) {
      const times = await page.evaluate(
        ([student, given]) => (globalThis as unknown as TimingPage).time(student, given),
        [name, options] as const,
      );
      printRow(name, `Chromium ${browser.version().split('.')[0]!}, WebAssembly`, times);
    }
  });
}
