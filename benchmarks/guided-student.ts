import {
  collect,
  compileSampler,
  defineNetwork,
  dense,
  gaussianVelocity,
  loader,
  mlp,
  uniformGrid,
  type Model,
  type Network,
  type Objective,
} from '@flowmap/core';
import { gaussianMixture } from '@flowmap/data';
import { autoguidance, withGuidance } from '@flowmap/guidance';
import { ayfEmd, ayfLmd } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { concat, hostTensor } from '@flowmap/tensor';
import { linearSchedule, objectivePhase, train, trainee } from '@flowmap/train';

/** Standard deviations of the data of the strong and the weak model. */
const [STRONG, WEAK] = [0.5, 0.8] as const;

/**
 * Scales at which the student is judged, and the largest for which it is trained: the ends of a range are
 * learned worst.
 */
const [SCALES, LARGEST] = [[1, 1.5, 2, 3], 3.5] as const;

const WIDTH = 64;

const conditions = { guidance: { shape: [], dtype: 'float32' as const } };

const layers = [dense('0', 3, WIDTH), dense('1', WIDTH, WIDTH)];
const last = dense('2', WIDTH, 1);

/** `F = x h(t, s, λ)` with layers of tanh on the times and λ themselves, times from -1 to 1 and λ from -1 to 1.5. */
const linearInX = defineNetwork(
  { type: 'linear-in-x', shape: [1], interval: true },
  collect([...layers, last]),
  (params, { x, t, s, conditions }) => {
    const told = [t.mul(2).sub(1), s!.mul(2).sub(1), conditions!['guidance']!.sub(2)];
    const inputs = concat(
      told.map((value) => value.reshape([-1, 1])),
      1,
    );
    const hidden = layers.reduce((h, layer) => layer.apply(params, h).tanh(), inputs);
    return last.apply(params, hidden).mul(x);
  },
  { conditions },
);

/** A student, and how it is trained. */
interface Trial {
  readonly name: string;
  readonly network: Network;
  readonly objective: Objective;
  /** Learning rate, which falls linearly to 0. */
  readonly rate: number;
}

const trials: readonly Trial[] = [
  {
    name: 'mlp, AYF-EMD',
    network: mlp({ shape: [1], interval: true, width: WIDTH, depth: 2, conditions: { guidance: [] } }),
    objective: ayfEmd({ rMax: 1 }),
    rate: 5e-3,
  },
  { name: 'linear in x, AYF-EMD', network: linearInX, objective: ayfEmd({ rMax: 1 }), rate: 1e-2 },
  { name: 'linear in x, AYF-LMD', network: linearInX, objective: ayfLmd(), rate: 1e-2 },
];

/**
 * Trains one student for all scales of guidance on Gaussians, for each seed, and prints how far the standard
 * deviation of its one-step samples is from that of the guided velocity, `STRONG^scale WEAK^(1 - scale)`.
 */
export async function trainGuidedStudents(seeds: number, iterations: number): Promise<void> {
  console.log(`| student | seed | ${SCALES.join(' | ')} |`);
  console.log(`| --- | ---: | ${SCALES.map(() => '---:').join(' | ')} |`);
  for (const trial of trials) {
    for (let seed = 0; seed < seeds; seed++) {
      const errors = await deviationErrors(await trained(trial, iterations, seed));
      const cells = errors.map((error) => `${(100 * error).toFixed(1)} %`);
      console.log(`| ${[trial.name, seed, ...cells].join(' | ')} |`);
    }
  }
}

async function trained({ network, objective, rate }: Trial, iterations: number, seed: number): Promise<Model> {
  const data = gaussianMixture({ weights: [1], means: [[0]], stds: [STRONG], classes: [] });
  const [strong, weak] = [gaussianVelocity({ std: STRONG }), gaussianVelocity({ std: WEAK })];
  const teacher = autoguidance({ strong, weak, scale: 'guidance' });
  const model: Model = { kind: 'flowMap', network, params: network.init(seed), classes: [] };
  const batchSize = 1024;
  const training = await train({
    runtime: await onnxRuntime({ device: 'cpu', threads: 1 }),
    trainees: { student: trainee({ model, learningRate: linearSchedule(rate) }) },
    phases: [objectivePhase({ network, objective, teacher, batchSize, seed })],
    batches: withGuidance(loader(data, { batchSize, seed }), { from: 1, to: LARGEST, seed }),
    iterations,
  });
  return training.model({ average: 'ema' });
}

/**
 * Relative errors of the standard deviation at each scale: the exact map is linear, with the standard
 * deviation as its slope.
 */
async function deviationErrors(student: Model): Promise<number[]> {
  const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
  const x = Float32Array.from({ length: 21 }, (_, i) => i / 5 - 2);
  const sampler = await compileSampler(runtime, student, { batchSize: x.length });
  const errors: number[] = [];
  for (const scale of SCALES) {
    const conditions = { guidance: new Float32Array(x.length).fill(scale) };
    const noise = hostTensor([x.length, 1], x);
    const { data } = await sampler.sample({ noise, times: uniformGrid(1), conditions });
    const slope =
      x.reduce((sum, value, i) => sum + value * data[i]!, 0) / x.reduce((sum, value) => sum + value ** 2, 0);
    errors.push(slope / (STRONG ** scale * WEAK ** (1 - scale)) - 1);
  }
  await sampler.dispose();
  return errors;
}
