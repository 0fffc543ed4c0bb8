import { flowMapFrom, mlp, velocityField, type Batch, type Model } from '@flowmap/core';
import { ayfEmd } from '@flowmap/objectives';
import { hostTensor, normals, type Runtime } from '@flowmap/tensor';
import { constantSchedule, initialState, logging, memoryStore, objectivePhase, train, trainee } from '@flowmap/train';

/** The results of a training run, by name: the values of each metric at every step, and the state after the last. */
export type RunNumbers = Readonly<Record<string, number[]>>;

/** Steps counted as taken before the first, so that the warm-up has begun. */
const FIRST = 5;
const STEPS = 8;
const batchSize = 16;

/** Some steps of AYF-EMD on a small network, with AdamW and the average of the weights: the same on every runtime. */
export async function trainingRun(runtime: Runtime): Promise<RunNumbers> {
  const network = mlp({ shape: [2], classes: 2, width: 32, depth: 2 });
  // Some weights of a new network are zero, which would make much of the step zero too.
  const params = Object.fromEntries(
    Object.entries(network.init(1)).map(([name, { shape, data }]) => {
      const noise = normals({ seed: 1, purpose: name }, data.length);
      return [
        name,
        hostTensor(
          shape,
          Float32Array.from(data, (value, i) => value + 0.1 * noise[i]!),
        ),
      ];
    }),
  );
  const model: Model = { kind: 'velocity', network, params, classes: ['a', 'b'] };
  const teacher = velocityField(model);
  const student = flowMapFrom(model, 2);
  // With intervals that are not short, no gradient is close to its rounding error, which AdamW would amplify.
  const objective = ayfEmd({ preset: 'ayf-paper', warmupSteps: 6 });
  const trainees = {
    student: trainee({
      model: student,
      learningRate: constantSchedule(1e-3),
      averages: { ema: constantSchedule(0.9) },
    }),
  };
  // Not from step 0: while the warm-up is at 0, some gradients are pure rounding error.
  const store = memoryStore({ latest: { step: FIRST, seconds: 0, state: initialState(trainees) }, records: [] });
  await train({
    runtime,
    trainees,
    phases: [objectivePhase({ network: student.network, objective, teacher, batchSize, seed: 0 })],
    batches: { batchSize, batch: (step) => Promise.resolve(batchOf(step)) },
    iterations: FIRST + STEPS,
    callbacks: [logging(1)],
    store,
  });
  const numbers: Record<string, number[]> = {};
  for (const { step: _, seconds: __, imagesPerSecond: ___, ...quantities } of store.records) {
    for (const [name, value] of Object.entries(quantities)) (numbers[name] ??= []).push(value);
  }
  for (const [name, { data }] of Object.entries(store.latest!.state)) numbers[name] = Array.from(data);
  return numbers;
}

function batchOf(step: number): Batch {
  return {
    x: Float32Array.from(normals({ seed: 2, purpose: 'data', step }, 2 * batchSize)),
    conditions: { label: Int32Array.from({ length: batchSize }, (_, i) => i % 2) },
  };
}

/** The largest difference for each name, relative to the largest wanted value; all numbers of a run are compared. */
export function relativeErrors(got: RunNumbers, wanted: RunNumbers): Record<string, number> {
  return Object.fromEntries(
    Object.entries(wanted).map(([name, values]) => {
      const scale = Math.max(...values.map(Math.abs));
      const difference = Math.max(...values.map((value, i) => Math.abs(value - (got[name]?.[i] ?? NaN))));
      return [name, difference / (scale || 1)];
    }),
  );
}
