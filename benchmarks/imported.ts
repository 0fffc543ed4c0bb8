import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { median } from '@flowmap/example-common';
import { importOnnx, onnxRuntime, type ImportedOnnx } from '@flowmap/runtime-onnx';
import { freeze, hostTensor, normals, program, sizeOf, type HostTensor, type HostTensors } from '@flowmap/tensor';
import * as ort from 'onnxruntime-node';
import { difference } from '../packages/contract/src/goldens/imported-golden.js';
import { processorTime } from './measure.js';

/** How imported models are timed. */
export interface ImportedOptions {
  /** Folder of the files written by tools/reference/imported_models.py; of the small ones with `small`. */
  readonly models: string;
  readonly threads: number;
  readonly rounds: number;
  readonly small: boolean;
}

/** True takes the small models of the tests. */
export const smallModels = fileURLToPath(new URL('../packages/contract/src/goldens/imported', import.meta.url));

/** Milliseconds for the threads of the other session to fall asleep, which would count as processor time. */
const PAUSE = 100;

const names = ['diffusers-unet', 'diffusers-dit'].flatMap((name) =>
  ['torchscript', 'dynamo'].map((exporter) => `${name}-${exporter}`),
);

/**
 * Times a forward pass of imported models and of the original files in plain onnxruntime, in turn, from host memory to
 * host memory; prints a table of processor times in Markdown.
 */
export async function timeImported({ models, threads, rounds, small }: ImportedOptions): Promise<void> {
  const batchSize = small ? 3 : 16;
  const runtime = await onnxRuntime({ device: 'cpu', threads });
  console.log('| file | original in onnxruntime ms | imported ms | imported : original | least : least |');
  console.log('| --- | ---: | ---: | ---: | ---: |');
  for (const name of names) {
    const bytes = await readFile(join(small ? smallModels : models, `${name}.onnx`));
    const network = importOnnx(bytes, { source: name });
    const inputs = inputsOf(network, batchSize);
    const traced = program<string, string>('forward', { inputs, state: network.parameters }, (given, params) => ({
      outputs: network.apply(params, given),
    }));
    const executable = await runtime.compile(freeze(traced, network.parameters));
    const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: threads });
    const feeds = Object.fromEntries(Object.entries(inputs).map(([input, value]) => [input, plain(value)]));
    const ways = {
      original: async () => (await session.run(feeds))['out_sample']!.data as Float32Array,
      imported: async () => {
        const { out_sample } = await executable.run(inputs);
        const { data } = await out_sample!.read();
        out_sample!.dispose();
        return data;
      },
    };
    const most = difference(await ways.imported(), await ways.original());
    if (!(most <= 1e-5)) throw new RangeError(`${name}: imported and original differ by ${most}`);
    const times = { original: [] as number[], imported: [] as number[] };
    for (let round = -2; round < rounds; round++) {
      for (const way of ['original', 'imported'] as const) {
        await setTimeout(PAUSE);
        const start = processorTime();
        await ways[way]();
        if (round >= 0) times[way].push(processorTime() - start); // two rounds warm up
      }
    }
    const [theirs, own] = [median(times.original), median(times.imported)];
    const ratios = [own / theirs, Math.min(...times.imported) / Math.min(...times.original)];
    console.log(
      `| ${[name, theirs.toFixed(1), own.toFixed(1), ...ratios.map((ratio) => ratio.toFixed(2))].join(' | ')} |`,
    );
    await executable.dispose();
    await session.release();
  }
}

/** Arguments of a batch: random points, and evenly spread times and labels. */
function inputsOf({ inputs }: ImportedOnnx, batchSize: number): HostTensors {
  const spread = Array.from({ length: batchSize }, (_, i) => i);
  const [times, labels] = [spread.map((i) => 1.5 + 60 * i), Int32Array.from(spread, (i) => i % 5)];
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype, shape }]): [string, HostTensor] => {
      const own = [batchSize, ...shape.slice(1).map(Number)];
      if (dtype === 'int32') return [name, hostTensor(own, labels)];
      if (own.length === 1) return [name, hostTensor(own, times)];
      return [name, hostTensor(own, Float32Array.from(normals({ seed: 0, purpose: name }, sizeOf(own))))];
    }),
  );
}

function plain({ shape, data, dtype }: HostTensor): ort.Tensor {
  return dtype === 'int32'
    ? new ort.Tensor('int64', BigInt64Array.from(data as Int32Array, BigInt), shape)
    : new ort.Tensor('float32', data as Float32Array, shape);
}
