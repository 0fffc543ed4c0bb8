import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, normalBatch } from '@flowmap/tensor';
import { expect, test } from 'vitest';
import { ConfigError } from '../errors.js';
import type { Model } from '../models/model.js';
import { mlp } from '../networks/mlp.js';
import { compileSampler } from './compile-sampler.js';
import { generate } from './generate.js';
import { uniformGrid } from './grid.js';

const runtime = referenceRuntime();
const network = mlp({ shape: [2], classes: 3, conditions: { guidance: [] }, width: 4, depth: 1 });
// All parameters are non-zero, so that every input matters.
const params = Object.fromEntries(
  Object.entries(network.init(1)).map(([name, value], k) => {
    return [name, { ...value, data: value.data.map((x, i) => x + 0.3 * Math.sin(k + 2 * i)) }] as const;
  }),
);
const model: Model = { kind: 'velocity', network, params, classes: ['cat', 'dog', '3'] };

test('noise, times and conditions come from numbers and names', async () => {
  const sampler = await compileSampler(runtime, model, { batchSize: 2 });
  const request = { count: 5, seed: 7, steps: 3, labels: ['dog', 2], guidance: 1.5, firstSample: 4 };
  const wanted = await sampler.sample({
    noise: hostTensor([5, 2], normalBatch({ seed: 7, purpose: 'noise' }, [5, 2], 4)),
    times: uniformGrid(3),
    conditions: { label: Int32Array.of(1, 2, 1, 2, 1), guidance: new Float32Array(5).fill(1.5) },
  });
  expect(await sampler.sample(request)).toEqual(wanted);
  expect(await generate(model, { runtime, ...request })).toEqual(wanted);
  const { steps: _steps, ...rest } = request;
  expect(await sampler.sample({ ...rest, times: uniformGrid(3) })).toEqual(wanted);
  const byName = await sampler.sample({ ...request, labels: ['dog', '3'] });
  expect(byName).toEqual(wanted);
  const { count: _, ...one } = request;
  expect((await sampler.sample(one)).shape).toEqual([2, 2]);
});

test('what the network does not have is refused by name', async () => {
  const sampler = await compileSampler(runtime, model, { batchSize: 2 });
  const request = { count: 1, seed: 0, steps: 1, labels: [0], guidance: 1 };
  const cases: [object, string][] = [
    [{ labels: ['cow'] }, 'labels: wanted an index from 0 to 2 or one of the names cat, dog, 3; got "cow"'],
    [{ labels: [3] }, 'labels: wanted an index from 0 to 2'],
    [{ labels: undefined }, 'conditions.label: wanted'],
    [{ guidance: NaN }, 'conditions.guidance'],
    [{ count: 0 }, 'count: wanted a whole number >= 1, got 0'],
    [{ steps: 0.5 }, 'steps: wanted a whole number >= 1'],
    [{ times: uniformGrid(2) }, 'steps: has no effect beside `times`'],
    [{ steps: undefined, times: [0.9, 0] }, 'times: wanted a grid that begins with 1'],
    [{ steps: undefined }, 'steps: wanted a whole number >= 1'],
    [{ seed: '1' }, 'seed: wanted a whole number >= 0'],
  ];
  for (const [change, message] of cases) {
    const failing = sampler.sample({ ...request, ...change });
    await expect(failing).rejects.toThrow(message);
    await expect(failing).rejects.toBeInstanceOf(ConfigError);
  }
});
