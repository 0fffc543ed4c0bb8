// Lets the page of examples/browser train to the end, on the CPU, and takes a picture of it.
import { join } from 'node:path';
import { visitBuiltPage } from './browser-page.js';
import { chromiumAdvice, findChromium } from './chromium.js';
import { root } from './run.js';

const executablePath = findChromium();
if (executablePath === undefined) throw new Error(`There is no Chromium here; ${chromiumAdvice}.`);

const path = join(root, 'docs/results/browser/checkerboard.png');
await visitBuiltPage(executablePath, `?start&device=cpu&${process.argv[2] ?? ''}`, async (page) => {
  await page.screenshot({ path, fullPage: true });
});
console.log(path);
