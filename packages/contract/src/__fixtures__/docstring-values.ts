// What the examples of doc comments speak of and no package exports: a teacher and a student of small images, and what
// goes with them. The networks are as small as can be.
import {
  dit,
  flowMapFrom,
  hostTensor,
  loader,
  normals,
  uniforms,
  uniformGrid,
  withPrefix,
  type Model,
} from '@flowmap/core';
import { imageDataset } from '@flowmap/data';
import { features, momentsOf, opaqueExtractor } from '@flowmap/eval';
import { noisyWeights } from '@flowmap/guidance';
import { ayfEmd, flowMatching } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { program, sizeOf, type HostTensor } from '@flowmap/tensor';
import { memoryStore, objectivePhase, powerEma, snapshots, train, trainee } from '@flowmap/train';

const SHAPE = [3, 24, 24];

function normalTensor(shape: readonly number[], purpose: string, std = 1): HostTensor {
  const values = normals({ seed: 0, purpose }, sizeOf(shape));
  return hostTensor(
    shape,
    values.map((value) => std * value),
  );
}

/** Images that are noise. */
const imagesOf = (count: number, name: string): HostTensor => normalTensor([count, ...SHAPE], name);

/** A velocity field with small random weights. */
function fieldOf(patch: number, classes: readonly string[] = []): Model {
  const network = dit({ shape: SHAPE, patch, width: 4, depth: 1, heads: 1, classes: classes.length });
  const params = Object.entries(network.parameters).map(
    ([name, { shape }]) => [name, normalTensor(shape, name, 0.1)] as const,
  );
  return { kind: 'velocity', network, params: Object.fromEntries(params), classes };
}

export const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
export const myRuntime = referenceRuntime;

export const teacher = fieldOf(12);
export const student = flowMapFrom(teacher, 0);
export const animals = flowMapFrom(fieldOf(12, ['cat', 'dog']), 0);
export const model = flowMapFrom(teacher, 1);
export const { network } = teacher;
/** An embedding of times in as many numbers as that of the networks. */
export const oldEmbedding = (c: number): number[] => [Math.sin(c), Math.cos(c), c, 1];

export const strong = fieldOf(12);
export const small = fieldOf(24);
export const early = noisyWeights(strong, { std: 0.5, seed: 0 });

export const images = imagesOf(2, 'images');
export const pictures = imagesOf(2, 'pictures');
export const samples = imagesOf(2, 'samples');
export const noise = imagesOf(2, 'noise');
export const from = imagesOf(1, 'from');
export const to = imagesOf(1, 'to');
export const known = imagesOf(2, 'known');
export const mask = hostTensor(
  images.shape,
  Float32Array.from(images.data, (_, i) => (i % 24 < 12 ? 1 : 0)),
);
export const thumbnail = hostTensor([3, 6, 6], new Float32Array(108));
export const x = imagesOf(2, 'x');
export const t = hostTensor([2], Float32Array.of(0.5, 1));

export const sampling = { runtime, noise, times: uniformGrid(2) };
export const score = (samples: HostTensor): number => samples.data[0]!;
export const savePicture = (): void => undefined;

const pixels = Uint8Array.from(uniforms({ seed: 0, purpose: 'pixels' }, 64 * 3 * 24 * 24), (value) => 256 * value);
export const data = imageDataset({ name: 'noise', pixels, shape: SHAPE });

/** The mean of each channel. */
export const extractor = opaqueExtractor({ name: 'means' }, ({ shape: [count = 0, channels = 0, ...size], data }) => {
  const means = new Float32Array(count * channels);
  const area = size.reduce((product, extent) => product * extent);
  data.forEach((value, i) => (means[Math.floor(i / area)]! += value / area));
  return Promise.resolve(hostTensor([count, channels], means));
});
export const held = features(images);
export const reference = momentsOf(features(hostTensor([4, 2], Float32Array.of(1, 2, 3, 4, 5, 6, 7, 9))));

const batchSize = 2;
const averages = { ema: powerEma(0.05), wide: powerEma(0.1) };
export const iterations = 2;
export const trainees = { student: trainee({ model: teacher, learningRate: 1e-3, averages }) };
export const phases = [objectivePhase({ network, objective: flowMatching(), batchSize, seed: 0 })];
export const batches = loader(data, { batchSize, seed: 0 });
export const options = { runtime, trainees, phases, batches, iterations };
export const settings = {
  ...{ runtime, data, teacher, objective: ayfEmd(), iterations, batchSize, seed: 0 },
  progress: 'none',
} as const;

/** A training with averages of two widths, each kept eight times. */
export const store = memoryStore();
await train({ ...options, iterations: 32, store, callbacks: [snapshots({ every: 4 })] });

const state = withPrefix('student.ema', student.network.parameters);
/** A program that has the average of the student, as that of a training has. */
export const step = await runtime.compile(
  program('step', { inputs: {}, state }, (_, same) => ({ outputs: {}, state: same })),
);
await step.writeState(withPrefix('student.ema', student.params));
