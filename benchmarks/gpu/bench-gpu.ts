// Times Flowmap's training step on a GPU through WebGPU, beside PyTorch if there is one with CUDA; `npm run gpu-bundle`
// packs it for machines without Node.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@flowmap/core/node';
import { causeText, FlowmapError } from '@flowmap/tensor';
import { findAdapter, openGpu } from './adapter.js';
import { parseOptions, usage } from './options.js';
import { formatReport } from './report.js';
import { measureGpu } from './run-gpu.js';

try {
  await main();
} catch (error) {
  if (!(error instanceof FlowmapError)) throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') {
    console.log(usage);
    return;
  }
  await makeFolder(options.out);
  const runtime = await openGpu();
  const adapter = await findAdapter();
  progress(`${adapter.name}, driver ${adapter.driver}`);
  const script = join(import.meta.dirname, '../peers/peer.py');
  const report = await measureGpu(runtime, adapter, { ...options, script, progress });
  const text = formatReport(report);
  await writeFileAtomic(join(options.out, 'gpu.md'), text);
  await writeFileAtomic(join(options.out, 'gpu.json'), `${JSON.stringify(report, null, 2)}\n`);
  console.log(text);
  progress(`written to ${join(options.out, 'gpu.md')} and gpu.json beside it`);
}

/** Creates the folder before anything is timed, so that no results are lost. */
async function makeFolder(out: string): Promise<void> {
  try {
    await mkdir(out, { recursive: true });
  } catch (cause) {
    throw new FlowmapError(
      `--out: cannot make the folder ${out}: ${causeText(cause)}. Name one that can be written to`,
      {
        cause,
      },
    );
  }
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
