// Lets the page of examples/browser train to the end, on the CPU, and takes a picture of it.
import { join } from 'node:path';
import sharp from 'sharp';
import { visitBuiltPage } from './browser-page.js';
import { chromiumAdvice, findChromium } from './chromium.js';
import { root } from './run.js';

const executablePath = findChromium();
if (executablePath === undefined) throw new Error(`There is no Chromium here; ${chromiumAdvice}.`);

const path = join(root, 'docs/results/browser/checkerboard.png');
await visitBuiltPage(executablePath, `?start&device=cpu&${process.argv[2] ?? ''}`, async (page) => {
  // A palette of 128 colours is as good to look at, in a third of the bytes.
  await sharp(await page.screenshot({ fullPage: true }))
    .png({ palette: true, colours: 128 })
    .toFile(path);
});
console.log(path);
