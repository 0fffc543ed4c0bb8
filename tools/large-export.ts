// Exports a model of more than 2 GB, opens it in plain onnxruntime and compares its samples with those of our sampler:
// node --conditions=@flowmap/source --import tsx tools/large-export.ts --out out/large
// It takes 7.4 GB of memory and 2.4 GB of disk.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compileSampler, mlp, uniformGrid, type Model } from '@flowmap/core';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { saveOnnx } from '@flowmap/runtime-onnx/node';
import { hostTensor, normals, sizeOf, type HostTensor } from '@flowmap/tensor';
import { pathOr, runCommand, whole } from 'flowmap/node';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const [COUNT, STEPS, LIMIT] = [2, 1, 1e-5];

/** Uniform numbers of a variance that keeps the size of what is multiplied, by Marsaglia's xorshift, which is fast. */
function drawn(shape: readonly number[], seed: number): HostTensor {
  const values = new Float32Array(sizeOf(shape));
  const scale = Math.sqrt(3 / (shape.length > 1 ? shape[0]! : 25)) / 2 ** 31;
  let state = seed;
  for (let i = 0; i < values.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    values[i] = scale * state;
  }
  return hostTensor(shape, values);
}

function modelOf(width: number, depth: number): Model {
  const network = mlp({ shape: [16], interval: true, width, depth });
  const specs = Object.entries(network.parameters);
  const params = Object.fromEntries(specs.map(([name, { shape }], i) => [name, drawn(shape, i + 1)]));
  return { kind: 'flowMap', network, params, classes: [] };
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

process.exitCode = await runCommand(
  {
    name: 'tools/large-export.ts',
    description: 'Exports a model of more than 2 GB, and compares what onnxruntime makes of it with our sampler.',
    options: {
      out: pathOr('folder of the file', 'DIR', 'out/large'),
      width: whole('width of the network', 4096),
      depth: whole('its blocks', 11),
      threads: whole('threads of the computation', 1),
    },
    resumes: false,
    async run({ out, width, depth, threads }, { print }) {
      const model = modelOf(width, depth);
      const times = uniformGrid(STEPS);
      const noise = Float32Array.from(normals({ seed: 0, purpose: 'noise' }, COUNT * 16));
      const compiled = await compileSampler(await onnxRuntime({ device: 'cpu', threads }), model, { batchSize: COUNT });
      const ours = Array.from((await compiled.sample({ noise: hostTensor([COUNT, 16], noise), times })).data);
      await compiled.dispose();

      const path = join(out, 'model.onnx');
      const { files } = await saveOnnx(path, model, { steps: STEPS });
      for (const file of files) {
        const { size } = await stat(file.path);
        if (size !== file.bytes || size > 2e9)
          throw new RangeError(`${file.path} has ${size} bytes, not ${file.bytes}`);
        print(`${file.path}: ${megabytes(size)}`);
      }
      const session = await InferenceSession.create(path, { intraOpNumThreads: threads });
      const feeds = { noise: new Tensor(noise, [COUNT, 16]), times: new Tensor(Float32Array.from(times)) };
      const theirs = (await session.run(feeds))['samples']!.data as Float32Array;
      await session.release();

      const largest = Math.max(...ours.map(Math.abs));
      const difference = Math.max(...ours.map((value, i) => Math.abs(value - theirs[i]!))) / largest;
      const memory = megabytes(process.resourceUsage().maxRSS * 1024);
      print(`largest difference ${difference.toExponential(1)} of ${largest.toPrecision(3)}; memory at most ${memory}`);
      if (!(difference <= LIMIT)) throw new RangeError(`wanted a difference of at most ${LIMIT}`);
    },
  },
  process.argv.slice(2),
);
