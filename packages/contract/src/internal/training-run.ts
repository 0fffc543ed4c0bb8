import { flowMapFrom, mlp, velocityField, type Model } from '@flowmap/core';
import { ayfEmd } from '@flowmap/objectives';
import { hostTensor, normals, type HostTensors, type Runtime } from '@flowmap/tensor';
import { constantSchedule, initialState, objectivePhase, phaseFeeds, phasePrograms, trainee } from '@flowmap/train';

/** What a training run gives, by name: the values of each metric from step to step, and the state after the last. */
export type RunNumbers = Readonly<Record<string, number[]>>;

const steps = 8;
const batchSize = 16;

/** Some steps of AYF-EMD on a small network, with AdamW and the average of the weights: the same on every runtime. */
export async function trainingRun(runtime: Runtime): Promise<RunNumbers> {
  const network = mlp({ shape: [2], classes: 2, width: 32, depth: 2 });
  // The weights of a new network are partly zero, which would leave much of the step at zero too.
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
  // With intervals that are not short, no gradient is near its rounding, which AdamW would blow up.
  const objective = ayfEmd({ preset: 'ayf-paper', warmupSteps: 6 });
  const trainees = {
    student: trainee({
      model: student,
      learningRate: constantSchedule(1e-3),
      averages: { ema: constantSchedule(0.9) },
    }),
  };
  const phase = objectivePhase({ network: student.network, objective, teacher, batchSize, seed: 0 });
  const step = await runtime.compile(phasePrograms(phase, trainees).update);
  await step.writeState(initialState(trainees, phase.fixed));
  const numbers: Record<string, number[]> = {};
  for (let k = 0; k < steps; k++) {
    const batch = {
      x: Float32Array.from(normals({ seed: 2, purpose: 'data', step: k }, 2 * batchSize)),
      conditions: { label: Int32Array.from({ length: batchSize }, (_, i) => i % 2) },
    };
    // Not from step 0: while the warm-up is at 0 some gradients are pure rounding.
    const progress = { step: k + 5, iterations: 20 };
    const outputs = await step.run(phaseFeeds(phase, trainees.student, progress, batch));
    for (const [name, tensor] of Object.entries(outputs)) {
      (numbers[name] ??= []).push(...(await tensor.read()).data);
      tensor.dispose();
    }
  }
  for (const [name, { data }] of Object.entries<HostTensors[string]>(await step.readState())) {
    numbers[name] = Array.from(data);
  }
  await step.dispose();
  return numbers;
}

/** The largest difference of each kind of number, relative to the largest wanted one; the numbers of a run are all compared. */
export function relativeErrors(got: RunNumbers, wanted: RunNumbers): Record<string, number> {
  return Object.fromEntries(
    Object.entries(wanted).map(([name, values]) => {
      const scale = Math.max(...values.map(Math.abs));
      const difference = Math.max(...values.map((value, i) => Math.abs(value - (got[name]?.[i] ?? NaN))));
      return [name, difference / (scale || 1)];
    }),
  );
}
