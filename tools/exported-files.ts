// Writes exported files, inputs and our sampler's samples, for `tools/reference/exported_files.py` to compare:
// node --conditions=@flowmap/source --import tsx tools/exported-files.ts --out out/onnx --student out/emoji/student.safetensors
import { join } from 'node:path';
import {
  compileSampler,
  dit,
  euler,
  gamma,
  heun,
  mlp,
  uniformGrid,
  unet,
  type Model,
  type Network,
  type Sampler,
} from '@flowmap/core';
import { loadModel, writeFileAtomic } from '@flowmap/core/node';
import { encodeNpz } from '@flowmap/eval';
import { onnxRuntime, type ExportOnnxOptions } from '@flowmap/runtime-onnx';
import { saveOnnx } from '@flowmap/runtime-onnx/node';
import { hostTensor, normals, sizeOf, type HostTensor, type Runtime } from '@flowmap/tensor';
import { pathOr, runCommand } from 'flowmap/node';

/** Batch sizes with which every file must be able to draw samples. */
const COUNTS = [1, 3, 7];

interface Case {
  readonly name: string;
  readonly model: Model;
  readonly steps: number;
  readonly sampler?: Sampler;
  readonly options?: Partial<ExportOnnxOptions>;
}

const drawn = (shape: readonly number[], purpose: string, scale = 1): HostTensor => {
  const values = normals({ seed: 5, purpose }, sizeOf(shape));
  return hostTensor(
    shape,
    Float32Array.from(values, (value) => scale * value),
  );
};

/** A model whose parameters are all drawn at random, as many are zero at the start. */
function drawnModel(kind: Model['kind'], network: Network, more: Partial<Model> = {}): Model {
  const params = Object.entries(network.parameters).map(([name, { shape }]) => {
    const terms = shape.length > 1 ? sizeOf(shape) / Math.max(shape[0]!, shape.at(-1)!) : 25;
    return [name, drawn(shape, name, 1 / Math.sqrt(terms))] as const;
  });
  const classes = 'label' in network.conditions ? ['a', 'b', 'c'] : [];
  return { kind, network, params: Object.fromEntries(params), classes, ...more };
}

function cases(): Case[] {
  const interval = true;
  const mlpMap = drawnModel(
    'flowMap',
    mlp({ shape: [2], classes: 3, interval, width: 64, depth: 2, conditions: { guidance: [] } }),
  );
  const field = drawnModel('velocity', mlp({ shape: [2], width: 64, depth: 2 }));
  const transformer = dit({ shape: [3, 8, 8], classes: 3, interval, width: 64, depth: 2, heads: 4, patch: 2 });
  const images = unet({ shape: [3, 8, 8], classes: 3, interval, channels: [16, 32], groupSize: 8, heads: 2 });
  const trigonometric = { path: 'trigonometric', parametrization: 'trigonometric' } as const;
  return [
    { name: 'mlp', model: mlpMap, steps: 2 },
    { name: 'mlp-beside', model: mlpMap, steps: 2, options: { externalAbove: 0, mostBytesPerFile: 40_000 } },
    { name: 'mlp-drawing', model: mlpMap, steps: 2, sampler: gamma(0.5), options: { noise: 'inside' } },
    { name: 'field-drawing', model: field, steps: 2, sampler: euler(), options: { noise: 'inside' } },
    { name: 'field-euler', model: field, steps: 8, sampler: euler() },
    { name: 'field-heun', model: field, steps: 4, sampler: heun() },
    { name: 'dit', model: drawnModel('flowMap', transformer), steps: 2 },
    { name: 'unet', model: drawnModel('flowMap', images), steps: 2 },
    { name: 'unet-trigonometric', model: drawnModel('flowMap', images, trigonometric), steps: 1 },
  ];
}

/** Writes the files of a case, and beside them our samples from the same inputs. */
async function write(out: string, runtime: Runtime, { name, model, steps, sampler, options }: Case): Promise<void> {
  const file = join(out, `${name}.onnx`);
  await saveOnnx(file, model, { ...options, steps, ...(sampler ? { sampler } : {}) });
  const compiled = await compileSampler(runtime, model, { batchSize: 8, ...(sampler ? { sampler } : {}) });
  const { conditions, config } = model.network;
  const times = uniformGrid(steps);
  const arrays: Record<string, HostTensor> = { times: hostTensor([steps + 1], times) };
  for (const count of COUNTS) {
    const noise = drawn([count, ...config.shape], `noise ${count}`);
    const rows = Object.entries(conditions).map(([condition, { categories, shape }]) => {
      const row = [count, ...shape];
      return [
        condition,
        categories === undefined
          ? drawn(row, condition)
          : hostTensor(
              row,
              Int32Array.from({ length: sizeOf(row) }, (_, i) => i % categories),
              'int32',
            ),
      ] as const;
    });
    const given = Object.fromEntries(rows.map(([condition, { data }]) => [condition, data]));
    arrays[`${count}/samples`] = await compiled.sample({ noise, times, conditions: given, seed: 0 });
    arrays[`${count}/noise`] = noise;
    // Our .npz files hold only float32.
    for (const [condition, { shape, data }] of rows)
      arrays[`${count}/${condition}`] = hostTensor(shape, Float32Array.from(data));
  }
  await compiled.dispose();
  await writeFileAtomic(join(out, `${name}.npz`), encodeNpz(arrays));
  console.log(file);
}

process.exitCode = await runCommand(
  {
    name: 'tools/exported-files.ts',
    description:
      'Writes exported files with inputs and our samples, to be compared by tools/reference/exported_files.py.',
    options: {
      out: pathOr('folder to write to', 'DIR', 'out/onnx'),
      student: pathOr('a trained model to export too, in each precision', 'FILE', null),
    },
    resumes: false,
    async run({ out, student }) {
      const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
      const trained = student === null ? undefined : await loadModel(student);
      const ofStudent = trained
        ? (['float32', 'float16', 'int8'] as const).flatMap((precision) =>
            [1, 4].map((steps) => ({
              name: `student-${steps}-${precision}`,
              model: trained,
              steps,
              options: { precision },
            })),
          )
        : [];
      for (const each of [...cases(), ...ofStudent]) await write(out, runtime, each);
    },
  },
  process.argv.slice(2),
);
