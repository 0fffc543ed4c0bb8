import {
  gaussianVelocity,
  loader,
  mlp,
  uniformGrid,
  type Model,
  type OpaqueField,
  type VelocityField,
} from '@flowmap/core';
import { gaussianMixture } from '@flowmap/data';
import { ayfEmd, ayfLmd, teacherTrajectories, velocityAnchor } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, normals, program, type HostTensors, type Runtime } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { adamw } from './adamw.js';
import { previewSamples } from './callbacks/preview-samples.js';
import { validationLoss } from './callbacks/validation-loss.js';
import { objectivePhase } from './objective-phase.js';
import { phasePrograms } from './phase-programs.js';
import { constantSchedule } from './schedules.js';
import { train, type Training } from './train.js';
import { trainee } from './trainee.js';

const batchSize = 8;
const iterations = 6;
const data = gaussianMixture({ weights: [1], means: [[0, 0]], stds: [0.5], classes: [] });
const network = mlp({ shape: [2], width: 16, depth: 1, interval: true });
// Output layers start at zero, which would hide most of the gradient.
const params: HostTensors = Object.fromEntries(
  Object.entries(network.init(3)).map(([name, { shape, data }]) => {
    const shift = normals({ seed: 5, purpose: name }, data.length);
    return [
      name,
      hostTensor(
        shape,
        Float32Array.from(data, (value, i) => value + 0.2 * shift[i]!),
      ),
    ] as const;
  }),
);
const model: Model = { kind: 'flowMap', network, params, classes: [] };
const traceable = gaussianVelocity({ std: 0.5 });

/** The same field as a separate program: training sees only points and answers. */
function apart(runtime: Runtime): OpaqueField {
  return {
    async evaluate(x, t) {
      const field = program('field', { inputs: { x: x.shape, t: t.shape } }, ({ x, t }) => ({
        outputs: { v: traceable.velocity({}, { x, t }) },
      }));
      const executable = await runtime.compile(field);
      const { v } = await executable.run({ x, t });
      const values = await v!.read();
      await executable.dispose();
      return values;
    },
  };
}

const objectives = [
  ['AYF-EMD', () => ayfEmd({ preset: 'ayf-paper', warmupSteps: 4 })],
  ['AYF-LMD', () => ayfLmd()],
  ['AYF-LMD with a second batch at s = t', () => velocityAnchor(ayfLmd(), { batch: {} })],
  ['AYF-EMD on trajectories', () => teacherTrajectories(ayfEmd(), { steps: 2 })],
] as const;
const student = trainee({
  model,
  // Dividing gradients by their size would amplify those that are mere rounding errors.
  optimizer: adamw({ epsilon: 1e-3 }),
  learningRate: constantSchedule(1e-2),
  averages: { ema: constantSchedule(0.9) },
});

async function trained(
  runtime: Runtime,
  objective: ReturnType<typeof ayfEmd>,
  teacher: VelocityField | OpaqueField,
  parts = 1,
): Promise<Training> {
  return train({
    runtime,
    trainees: { student },
    phases: [objectivePhase({ network, objective, teacher, batchSize: batchSize / parts, seed: 0 })],
    batches: loader(data, { batchSize, seed: 0 }),
    iterations,
    parts,
  });
}

describe.each(objectives)('%s', (_, make) => {
  test.each([
    ['reference', 1e-12, () => Promise.resolve(referenceRuntime())],
    ['onnx', 1e-3, () => onnxRuntime({ device: 'cpu', threads: 1 })],
  ] as const)('trains alike with a teacher that only runs: %s', async (_, tolerance, open) => {
    const runtime = await open();
    const fused = (await trained(runtime, make(), traceable)).model().params;
    for (const parts of [1, 2]) {
      const asked = (await trained(runtime, make(), apart(runtime), parts)).model().params;
      for (const [name, { data }] of Object.entries(fused)) {
        data.forEach((value, i) => {
          expect(Math.abs(asked[name]!.data[i]! - value)).toBeLessThan(tolerance * Math.max(1, Math.abs(value)));
        });
      }
    }
    expect(fused['output.weight']).not.toEqual(params['output.weight']);
  });
});

describe('questions', () => {
  const programsOf = (objective: ReturnType<typeof ayfEmd>) => {
    const teacher = apart(referenceRuntime());
    return phasePrograms(objectivePhase({ network, objective, teacher, batchSize, seed: 0 }), { student });
  };

  test('depend on no more than the point that is asked', () => {
    const [emd] = programsOf(ayfEmd()).questions;
    expect(Object.keys(emd!.program.inputs).sort()).toEqual(['noise', 't', 'x0']);
    expect(emd!.program.state).toEqual({});
    const [lmd] = programsOf(ayfLmd()).questions;
    expect(Object.keys(lmd!.program.inputs).sort()).toEqual(['noise', 's', 't', 'x0']);
    expect(Object.keys(lmd!.program.state).every((name) => name.startsWith('student.params.'))).toBe(true);
    const held = programsOf(velocityAnchor(ayfEmd(), { batch: {} })).questions;
    expect(held.map(({ program }) => Object.keys(program.inputs).sort())).toEqual([
      ['noise', 't', 'x0'],
      ['noise', 'objective.draws.anchorTime', 'x0'],
    ]);
    const on = programsOf(teacherTrajectories(ayfEmd(), { steps: 2 })).questions;
    // Two for each of Heun's steps, and one at the point they lead to; none is at the data.
    expect(on).toHaveLength(5);
    for (const { program } of on) expect(Object.keys(program.inputs)).not.toContain('x0');
  });

  test('may build on the answers before', async () => {
    const objective = ayfLmd();
    const twice = {
      ...objective,
      // Heun's step of the teacher from the noised data to s: a second question at the end of the first one's step.
      loss: (context: Parameters<typeof objective.loss>[0]) => {
        const { xt, t, s, velocity, student } = context;
        const step = s.sub(t).reshape([batchSize, 1]);
        const start = velocity(xt, t);
        const end = velocity(xt.add(step.mul(start)), s);
        const error = student.averageVelocity(xt, t, s).sub(start.add(end).mul(0.5));
        return { loss: error.square().sum(), metrics: {} };
      },
    };
    expect(programsOf(twice).questions.map(({ program }) => Object.keys(program.inputs))).toEqual([
      ['x0', 'noise', 't'],
      ['x0', 'noise', 't', 's', 'answers.0'],
    ]);
    const runtime = referenceRuntime();
    const asked = (await trained(runtime, twice, apart(runtime))).model().params['output.weight']!.data;
    const fused = (await trained(runtime, twice, traceable)).model().params['output.weight']!.data;
    fused.forEach((value, i) => expect(asked[i]).toBeCloseTo(value, 12));
  });
});

test('held-out losses ask the teacher too, and samples come from the live averages', async () => {
  const runtime = referenceRuntime();
  const noise = hostTensor([3, 2], Float32Array.of(0.3, -1, 0.8, 0.2, -0.5, 1.4));
  const seen: (readonly number[])[] = [];
  const held = async (teacher: VelocityField | OpaqueField): Promise<Training> =>
    train({
      runtime,
      trainees: { student },
      phases: [objectivePhase({ network, objective: ayfLmd(), teacher, batchSize, seed: 0 })],
      batches: loader(data, { batchSize, seed: 0 }),
      iterations,
      callbacks: [
        validationLoss({
          phase: 'ayf-lmd',
          batches: loader(data, { batchSize, seed: 9 }),
          count: 2,
          every: 3,
          average: 'ema',
        }),
        { name: 'log', every: 3, run: (moment) => moment.log() },
        previewSamples({
          every: 3,
          average: 'ema',
          batchSize: 3,
          noise,
          times: uniformGrid(2),
          onSamples: ({ data }) => void seen.push(Array.from(data)),
        }),
      ],
    });
  const [fused, asked] = [await held(traceable), await held(apart(runtime))];
  expect(fused.records.map(({ step }) => step)).toEqual([3, 6]);
  fused.records.forEach((record, i) => {
    expect(record['validation.loss']).toBeGreaterThan(0);
    expect(asked.records[i]!['validation.loss']).toBeCloseTo(record['validation.loss']!, 12);
  });
  expect(seen).toHaveLength(4);
  expect(seen[0]).not.toEqual(seen[1]);
});
