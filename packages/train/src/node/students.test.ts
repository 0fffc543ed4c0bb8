import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flowMapFrom, mlp, type Model, type Objective, type StudentOptions } from '@flowmap/core';
import { loadFlowMap } from '@flowmap/core/node';
import { checkerboard } from '@flowmap/data';
import {
  ayfEmd,
  ayfLmd,
  diagonalIntervals,
  lengthCurriculum,
  logUniformLengths,
  mixedIntervals,
  stepIntervals,
  teacherTrajectories,
  velocityAnchor,
} from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, normals } from '@flowmap/tensor';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DistillOptions } from './options.js';
import { distill } from './train.js';

let scratch = '';
let count = 0;
beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'flowmap-students-'))));
afterAll(async () => rm(scratch, { recursive: true }));
const fresh = (): string => join(scratch, String(count++));

const network = mlp({ shape: [2], width: 8, depth: 2 });
// Output layers start at zero, which would hide most of what happens.
const params = Object.fromEntries(
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
const teacher: Model = { kind: 'velocity', network, params, classes: [] };

const options = (objective: Objective, student: Model, out = fresh()): DistillOptions => ({
  runtime: referenceRuntime(),
  data: checkerboard(),
  objective,
  teacher,
  student,
  out,
  progress: 'none',
  iterations: 6,
  batchSize: 8,
  seed: 3,
  checkpointEvery: 2,
  logEvery: 1,
});

test.each<[string, StudentOptions, () => Objective]>([
  ['whose last block is told the target time', { intervalBlocks: 1 }, () => velocityAnchor(ayfEmd(), { batch: {} })],
  ['that is exact at s = t', { exactDiagonal: true }, () => velocityAnchor(ayfLmd(), { share: 0.5 })],
  [
    'on trajectories, of a curriculum of mixed intervals',
    {},
    () => {
      const mixed = mixedIntervals([
        { share: 0.75, of: logUniformLengths() },
        { share: 0.25, of: diagonalIntervals() },
      ]);
      return teacherTrajectories(ayfEmd({ intervalLengths: lengthCurriculum(mixed, { from: 0.1 }) }), { steps: 2 });
    },
  ],
])('a student %s is distilled, stopped and resumed to the bit, and read from its file', async (_, how, make) => {
  const student = flowMapFrom(teacher, 1, how);
  const whole = await distill(options(make(), student));
  const resumable = options(make(), student);
  const stop = new AbortController();
  const halt = { name: 'halt', every: 1, run: ({ step }: { step: number }) => (step === 3 ? stop.abort() : undefined) };
  expect(await distill({ ...resumable, signal: stop.signal, callbacks: [halt] })).toMatchObject({ completed: false });
  const resumed = await distill(resumable);
  expect(resumed).toMatchObject({ completed: true, step: 6 });
  expect(resumed.model.params).toEqual(whole.model.params);

  const read = await loadFlowMap(join(whole.folder, 'student.safetensors'));
  expect(read.network.config).toEqual(student.network.config);
  expect(read.params).toEqual(whole.model.params);
  const frozen = Object.keys(read.params).filter((name) => name.startsWith('velocity.'));
  expect(frozen).toHaveLength(how.exactDiagonal ? Object.keys(params).length : 0);
  for (const name of frozen) expect(read.params[name]!.data).toEqual(params[name.slice('velocity.'.length)]!.data);
});

test('a run does not go on with other intervals, and says which', async () => {
  const student = flowMapFrom(teacher, 1);
  const run = options(ayfEmd({ intervalLengths: stepIntervals({ steps: [1, 2] }) }), student);
  const stop = new AbortController();
  await distill({ ...run, signal: stop.signal, onLog: () => stop.abort() });
  const other = ayfEmd({ intervalLengths: stepIntervals({ steps: [1, 2, 4] }) });
  await expect(distill({ ...run, objective: other })).rejects.toThrow(
    'objective.intervalLengths.steps: "1, 2" there, "1, 2, 4" now',
  );
});
