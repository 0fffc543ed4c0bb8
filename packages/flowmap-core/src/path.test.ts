import { hostTensor, input, jvp, ShapeError } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { expect, test } from 'vitest';
import { conditionalVelocity, interpolate, perSample } from './path.js';

const runtime = referenceRuntime();
const x0 = hostTensor([3, 2], [1, 2, 3, 4, 5, 6]);
const z = hostTensor([3, 2], [-1, 0, 0.5, 2, 8, -6]);

test('the path is the data at t = 0, the noise at t = 1 and their mean in the middle', async () => {
  const t = hostTensor([3], [0, 1, 0.5]);
  const { data } = await evaluate(runtime, (x0, z, t) => interpolate(x0, z, t), [x0, z, t]);
  expect(Array.from(data)).toEqual([1, 2, 0.5, 2, 6.5, 0]);
});

test('the velocity is the derivative of the path in t', async () => {
  const t = hostTensor([3], [0, 0.3, 1]);
  const [derivative, velocity] = await evaluate(
    runtime,
    (x0, z, t) => [jvp((t) => interpolate(x0, z, t), [t], [t.mul(0).add(1)])[1], conditionalVelocity(x0, z)],
    [x0, z, t],
  );
  expect(derivative).toEqual(velocity);
});

test('one number per sample takes the rank of the batch, and no other count will do', () => {
  const x = input('x', [3, 4, 5, 6]);
  expect(perSample(input('t', [3]), x).shape).toEqual([3, 1, 1, 1]);
  expect(() => perSample(input('t', [4]), x)).toThrow(ShapeError);
  expect(() => perSample(input('t', [3, 1]), x)).toThrow(/perSample: wanted one value for each of 3 samples/);
});
