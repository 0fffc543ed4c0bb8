import { compileSampler, gaussianVelocity, loader, mlp, uniformGrid, type Model } from '@flowmap/core';
import { gaussianMixture } from '@flowmap/data';
import { autoguidance, withGuidance } from '@flowmap/guidance';
import { ayfEmd } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { hostTensor } from '@flowmap/tensor';
import { linearSchedule, objectivePhase, train, trainee } from '@flowmap/train';

/** Deviations of the data of the strong and the weak model. */
const [STRONG, WEAK] = [0.5, 0.8] as const;

const SCALES = [1, 1.5, 2, 3];

const trials = [
  { iterations: 2000, c: 0.1, to: 3 },
  { iterations: 2000, c: Infinity, to: 3 },
  { iterations: 3500, c: Infinity, to: 3.5 },
];

/**
 * Trains one student for all scales of guidance on Gaussians, and prints how far the deviation of its one-step samples
 * is from that of the guided velocity, `STRONG^scale WEAK^(1 - scale)`.
 */
export async function trainGuidedStudents(): Promise<void> {
  const data = gaussianMixture({ weights: [1], means: [[0]], stds: [STRONG], classes: [] });
  const [strong, weak] = [gaussianVelocity({ std: STRONG }), gaussianVelocity({ std: WEAK })];
  const teacher = autoguidance({ strong, weak, scale: 'guidance' });
  const network = mlp({ shape: [1], interval: true, width: 64, depth: 2, conditions: teacher.conditions });
  const model: Model = { kind: 'flowMap', network, params: network.init(0), classes: [] };
  const [batchSize, seed] = [256, 0];
  const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
  console.log(`| iterations | c | drawn up to | ${SCALES.join(' | ')} |`);
  console.log(`| ---: | ---: | ---: | ${SCALES.map(() => '---:').join(' | ')} |`);
  for (const { iterations, c, to } of trials) {
    const training = await train({
      runtime,
      trainees: { student: trainee({ model, learningRate: linearSchedule(5e-3) }) },
      phases: [objectivePhase({ network, objective: ayfEmd({ rMax: 1, c }), teacher, batchSize, seed })],
      batches: withGuidance(loader(data, { batchSize, seed }), { from: 1, to, seed }),
      iterations,
    });
    const errors = await deviationErrors(training.model({ average: 'ema' }));
    console.log(`| ${[iterations, c, to, ...errors.map((error) => `${(100 * error).toFixed(1)} %`)].join(' | ')} |`);
  }
}

/** Relative errors of the deviation at each scale: the exact map is linear, with the deviation as its slope. */
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
