// Lets the page of examples/browser train to the end, on the CPU, and takes a picture of it.
import { join } from 'node:path';
import { FlowmapError } from '@flowmap/tensor';
import { runCommand, words } from 'flowmap/node';
import sharp from 'sharp';
import { visitBuiltPage } from './browser-page.js';
import { chromiumAdvice, findChromium } from './chromium.js';
import { root } from './run.js';

process.exitCode = await runCommand(
  {
    name: 'npm run picture --',
    description: 'Lets the page of examples/browser train to the end, and takes a picture of it.',
    options: { query: words("more of the page's parameters, such as seed=1&teacherSteps=500", 'TEXT', null) },
    run: takePicture,
    resumes: false,
  },
  process.argv.slice(2),
);

async function takePicture({ query }: { readonly query: string | null }): Promise<void> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new FlowmapError(`There is no Chromium here; ${chromiumAdvice}`);
  const path = join(root, 'docs/results/browser/checkerboard.png');
  await visitBuiltPage(executablePath, `?start&device=cpu&${query ?? ''}`, async (page) => {
    // A palette of 128 colours looks as good, in a third of the bytes.
    await sharp(await page.screenshot({ fullPage: true }))
      .png({ palette: true, colours: 128 })
      .toFile(path);
  });
  console.log(path);
}
