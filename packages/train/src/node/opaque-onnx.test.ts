import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flowMapFrom, mlp, opaqueField, velocityField, type Model, type OpaqueField } from '@flowmap/core';
import { gaussianMixture } from '@flowmap/data';
import { ayfEmd, ayfLmd } from '@flowmap/objectives';
import { onnxRuntime, openOnnx, toOnnx } from '@flowmap/runtime-onnx';
import { freeze, hostTensor, program, RuntimeUnavailableError, type HostTensor } from '@flowmap/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adamw } from '../adamw.js';
import { OpaqueFieldError, RuntimeLostError } from '../errors.js';
import { constantSchedule } from '../schedules.js';
import { loadTrained } from './checkpoints.js';
import type { DistillOptions } from './options.js';
import { distill } from './train.js';

let scratch = '';
let count = 0;
beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'flowmap-opaque-'))));
afterAll(async () => rm(scratch, { recursive: true }));
const fresh = (): string => join(scratch, String(count++));

const batchSize = 8;
const data = gaussianMixture({ weights: [1, 1], means: [[-1, 0], [1, 0]], stds: [0.3, 0.3] }); // prettier-ignore
const network = mlp({ shape: [2], classes: 2, width: 8, depth: 1 });
// Output layers start at zero, and a teacher that is zero everywhere has nothing to teach.
const stirred = Object.entries(network.init(7)).map(([name, value], k): [string, HostTensor] => [
  name,
  { ...value, data: Float32Array.from(value.data, (x, i) => x + 0.1 * Math.sin(k + 3 * i)) },
]);
const teacher: Model = { kind: 'velocity', network, params: Object.fromEntries(stirred), classes: data.classes };
const student = flowMapFrom(teacher, 3);
const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });

const distilling = (more: Pick<DistillOptions, 'teacher'> & Partial<DistillOptions>): DistillOptions => ({
  runtime,
  data,
  objective: ayfEmd(),
  student,
  // Dividing gradients by their size would amplify those that are mere rounding errors.
  optimizer: adamw({ epsilon: 1e-3 }),
  learningRate: constantSchedule(1e-2),
  out: fresh(),
  progress: 'none',
  iterations: 8,
  batchSize,
  seed: 3,
  checkpointEvery: 2,
  logEvery: 1,
  ...more,
});

/** The teacher as a foreign ONNX file: other names, time up to 1000, and velocities from noise to data. */
async function onnxFile(): Promise<string> {
  const field = velocityField(teacher);
  const shape = [batchSize, 2];
  const built = program<string, string>(
    'unet',
    {
      inputs: { sample: shape, timestep: [batchSize], class_labels: { shape: [batchSize], dtype: 'int32' } },
      state: Object.fromEntries(Object.entries(field.parameters).map(([name, { shape }]) => [name, shape])),
    },
    (inputs, params) => {
      const t = inputs['timestep']!.div(1000);
      const conditions = { label: inputs['class_labels']! };
      return { outputs: { out_sample: field.velocity(params, { x: inputs['sample']!, t, conditions }).neg() } };
    },
  );
  const path = fresh();
  await writeFile(path, toOnnx(freeze(built, field.parameters)));
  return path;
}

describe.each([
  ['AYF-EMD', ayfEmd],
  ['AYF-LMD', ayfLmd],
])('%s', (_, objective) => {
  test('a teacher in an ONNX file trains a student as the same teacher inside the program', async () => {
    const model = await openOnnx(await onnxFile(), { device: 'cpu', threads: 1 });
    const file = opaqueField(model, {
      x: 'sample',
      t: 'timestep',
      conditions: { label: 'class_labels' },
      velocity: 'out_sample',
      time: (t) => 1000 * t,
      toVelocity: (v) => -v,
    });
    const inside = await distill(distilling({ teacher, objective: objective() }));
    const asked = await distill(distilling({ teacher: file, objective: objective() }));
    for (const [name, { data }] of Object.entries(inside.model.params)) {
      data.forEach((value, i) => {
        expect(Math.abs(asked.model.params[name]!.data[i]! - value)).toBeLessThan(1e-3 * Math.max(1, Math.abs(value)));
      });
    }
    expect(inside.model.params['output.weight']).not.toEqual(student.params['output.weight']);
    await model.dispose();
  });
});

describe('a teacher that does not give velocities', () => {
  const good: OpaqueField = { evaluate: (x) => Promise.resolve(x) };
  /** Answers correctly in the first four steps, and as `otherwise` after that. */
  const failing = (otherwise: OpaqueField['evaluate']): OpaqueField => {
    let asked = 0;
    return { evaluate: (...given) => (asked++ < 4 ? good : { evaluate: otherwise }).evaluate(...given) };
  };
  const wanted = 'teacher: wanted finite velocities float32 [8, 2], shaped as the points that it was asked at; got';

  test.each<[string, OpaqueField['evaluate'], string]>([
    ['but another shape', () => Promise.resolve(hostTensor([8], new Float32Array(8))), 'float32 [8]'],
    ['but another dtype', (x) => Promise.resolve(hostTensor(x.shape, new Int32Array(16))), 'int32 [8, 2]'],
    ['but NaN', (x) => Promise.resolve(hostTensor(x.shape, new Float32Array(16).fill(NaN))), 'NaN in it'],
    ['but fails', () => Promise.reject(new Error('the service is down')), 'the service is down'],
    ['but throws', () => { throw new Error('no such field'); }, 'no such field'], // prettier-ignore
  ])('%s stops training with an error that names it; the run goes on with one that does', async (_, evaluate, got) => {
    const options = distilling({ teacher: failing(evaluate) });
    const error = await distill(options).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpaqueFieldError);
    expect(error).toMatchObject({ field: 'teacher', message: `${wanted} ${got}` });
    expect(await readFile(join(options.out, 'latest'), 'utf8')).toBe('0000004\n');
    await loadTrained(join(options.out, 'checkpoints/0000004'), { average: 'ema' });
    expect(await readdir(options.out)).not.toContain('lock');
    const resumed = await distill({ ...options, teacher: good });
    expect(resumed.model.params).toEqual((await distill(distilling({ teacher: good }))).model.params);
  });

  test('since its runtime was lost is a lost runtime', async () => {
    const lost = new RuntimeUnavailableError('elsewhere', 'the device is gone');
    const error = await distill(distilling({ teacher: failing(() => Promise.reject(lost)) })).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(RuntimeLostError);
    expect(error).toMatchObject({ runtime: 'elsewhere', step: 4 });
  });
});
