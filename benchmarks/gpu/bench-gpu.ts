// Times Flowmap's training step on a GPU through WebGPU, beside PyTorch if there is one with CUDA; `npm run gpu-bundle`
// packs it for machines without Node.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@flowmap/core/node';
import { causeText, FlowmapError } from '@flowmap/tensor';
import { runCommand, type Config } from 'flowmap/node';
import { findAdapter, openGpu } from './adapter.js';
import { batchSizeOf, GPU_OPTIONS } from './options.js';
import { formatReport } from './report.js';
import { measureGpu } from './run-gpu.js';

process.exitCode = await runCommand(
  {
    name: 'bench-gpu',
    description:
      "Times the AYF-EMD training step of a DiT and a UNet on this machine's GPU, through WebGPU, and through PyTorch " +
      '(float32, TF32, bfloat16) where the Python has it with CUDA; prints tables, and writes them as gpu.md and gpu.json.',
    options: GPU_OPTIONS,
    run: benchGpu,
    resumes: false,
  },
  process.argv.slice(2),
);

async function benchGpu({ batch, ...options }: Config<typeof GPU_OPTIONS>): Promise<void> {
  await makeFolder(options.out);
  const runtime = await openGpu();
  const adapter = await findAdapter();
  progress(`${adapter.name}, driver ${adapter.driver}`);
  const script = join(import.meta.dirname, '../peers/peer.py');
  const batchSize = batchSizeOf({ batch, small: options.small });
  const report = await measureGpu(runtime, adapter, { ...options, batchSize, script, progress });
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
