import {
  dit,
  flowMapFrom,
  velocityField,
  type Batch,
  type Model,
  type Objective,
  type OpaqueField,
} from '@flowmap/core';
import { median } from '@flowmap/example-common';
import { ayfEmd, ayfLmd } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { freeze, program, uniforms, type Executable, type Runtime } from '@flowmap/tensor';
import { objectivePhase, trainee, type ObjectivePhaseOptions } from '@flowmap/train';
import { initialParams } from './peer-tasks.js';
import { stepTimes } from './step-times.js';

const batchSize = 16;
const SHAPE = [3, 32, 32];
const CLASSES = 10;

/** Number of steps per training, of which the first is not timed. */
const STEPS = 5;

const batch: Batch = {
  x: Float32Array.from(uniforms({ seed: 0, purpose: 'data' }, batchSize * 3072), (u) => 2 * u - 1),
  conditions: { label: Int32Array.from({ length: batchSize }, (_, i) => i % CLASSES) },
};

/**
 * Times training steps of the DiT with an opaque teacher, that teacher's share of them, steps with the same teacher
 * traced, and steps without a teacher, in turn; prints a table in Markdown.
 */
export async function compareOpaqueTeacher(threads: number, rounds: number): Promise<void> {
  const runtime = await onnxRuntime({ device: 'cpu', threads });
  const network = dit({ shape: SHAPE, patch: 4, width: 256, depth: 8, classes: CLASSES });
  const params = initialParams({ name: 'DiT', network, batchSize });
  const teacher: Model = { kind: 'velocity', network, params, classes: Array.from({ length: CLASSES }, String) };
  const run = await compileTeacher(runtime, teacher);
  let own = 0;
  const opaque: OpaqueField = {
    async evaluate(x, t, { label }) {
      const start = performance.now();
      const { v } = await run.run({ x, t, label: label! });
      const values = await v!.read();
      v!.dispose();
      own += performance.now() - start;
      return values;
    },
  };

  console.log('| objective | opaque ms | of these the teacher ms | traced ms | without a teacher ms |');
  console.log('| --- | ---: | ---: | ---: | ---: |');
  const data = ayfEmd({ teacher: false });
  for (const objective of [ayfEmd(), ayfLmd()]) {
    const times: [number, number, number, number][] = [];
    // The first round is a warm-up.
    for (let round = 0; round <= rounds; round++) {
      own = 0;
      const asked = await stepTime(runtime, teacher, objective, opaque);
      const traced = await stepTime(runtime, teacher, objective, velocityField(teacher));
      // AYF-LMD needs a teacher; without one, AYF-EMD does the same work except for the query.
      const alone = objective.name === data.name ? await stepTime(runtime, teacher, data) : NaN;
      if (round > 0) times.push([asked, own / STEPS, traced, alone]);
    }
    const cells = [0, 1, 2, 3].map((i) =>
      median(times.map((row) => row[i]!))
        .toFixed(0)
        .replace('NaN', '–'),
    );
    console.log(`| ${[objective.name, ...cells].join(' | ')} |`);
  }
  await run.dispose();
}

async function compileTeacher(runtime: Runtime, { network, params }: Model): Promise<Executable> {
  const inputs = {
    x: [batchSize, ...SHAPE],
    t: [batchSize],
    label: { shape: [batchSize], dtype: 'int32' as const },
  };
  const velocity = program<string, string>('teacher', { inputs, state: network.parameters }, (given, params) => {
    const conditions = { label: given['label']! };
    return { outputs: { v: network.apply(params, { x: given['x']!, t: given['t']!, conditions }) } };
  });
  return runtime.compile(freeze(velocity, params));
}

/** Milliseconds of a training step: a median. */
async function stepTime(
  runtime: Runtime,
  from: Model,
  objective: Objective,
  teacher?: ObjectivePhaseOptions['teacher'],
): Promise<number> {
  const model = flowMapFrom(from, 1);
  const { network } = model;
  const phase = objectivePhase({ network, objective, batchSize, seed: 0, ...(teacher ? { teacher } : {}) });
  const student = trainee({ model, learningRate: 1e-4 });
  return median(await stepTimes({ runtime, student, phase, batch, batchSize, warmupRuns: 1, runs: STEPS - 1 }));
}
