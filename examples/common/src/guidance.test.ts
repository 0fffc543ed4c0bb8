import { ConfigError, compileSampler, flowMapFrom, mlp, uniformGrid, type Model } from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { atScale, guidedDistillation } from './guidance.js';

const fieldOf = (width: number, seed: number): Model => {
  const network = mlp({ shape: [2], width, depth: 1 });
  return { kind: 'velocity', network, params: network.init(seed), classes: [] };
};
const [strong, weak] = [fieldOf(4, 0), fieldOf(3, 1)];
const guided = (
  scale: number,
  { exactDiagonal = false, ...more }: { upTo?: number; until?: number; exactDiagonal?: boolean } = {},
) => {
  return guidedDistillation(
    { strong, weak, scale, ...more },
    { data: checkerboard(), seed: 0, startingFrom: { exactDiagonal } },
  );
};

describe('a guided distillation', () => {
  test('tells the student a scale that is drawn, and no fixed one', async () => {
    expect(guided(2).data.conditions).toEqual({});
    expect(guided(2).startingFrom.conditions).toBeUndefined();
    const { data, startingFrom, teacher, compared } = guided(2, { upTo: 3 });
    expect(startingFrom.conditions).toEqual({ guidance: [] });
    expect(Object.keys(teacher.network.conditions)).toEqual(['guidance']);
    expect(Object.keys(compared.network.conditions)).toEqual([]);
    const { conditions } = await data.batch([0, 1, 2, 3, 4, 5, 6, 7]);
    const scales = Array.from(conditions['guidance']!);
    expect(Math.min(...scales)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...scales)).toBeLessThanOrEqual(3);
    expect(new Set(scales).size).toBe(8);
  });

  test.each([
    ['a scale below 1', () => guided(0.5)],
    ['a time without guidance at all', () => guided(2, { until: -1 })],
    ['one that is not drawn', () => guided(2, { upTo: 1.5 })],
    ['a student that holds the unguided teacher', () => guided(2, { exactDiagonal: true })],
  ])('refuses %s', (_, make) => {
    expect(make).toThrow(ConfigError);
  });
});

/** A network starts as zero; with these parameters it is not. */
const moved = (model: Model): Model => ({
  ...model,
  params: Object.fromEntries(
    Object.entries(model.params).map(([name, { shape, data }]) => [
      name,
      hostTensor(
        shape,
        Float32Array.from(data, (value, i) => value + 0.1 * Math.sin(i)),
      ),
    ]),
  ),
});

test('guidance until a time leaves the teacher as it is beyond it', async () => {
  const noise = hostTensor([1, 2], Float32Array.of(1, -1));
  const velocity = async (model: Model, at: number): Promise<number[]> => {
    const sampler = await compileSampler(referenceRuntime(), model, { batchSize: 1 });
    const { data } = await sampler.sample({ noise, times: [at, at - 0.1] });
    await sampler.dispose();
    return Array.from(data);
  };
  const of = (until?: number): Model =>
    guidedDistillation(
      { strong: moved(strong), weak: moved(weak), scale: 2, ...(until === undefined ? {} : { until }) },
      { data: checkerboard(), seed: 0 },
    ).teacher;
  expect(await velocity(of(0.5), 0.9)).toEqual(await velocity(moved(strong), 0.9));
  expect(await velocity(of(0.5), 0.4)).toEqual(await velocity(of(), 0.4));
  expect(await velocity(of(0.5), 0.4)).not.toEqual(await velocity(moved(strong), 0.4));
});

test('a model at a scale is the model that is told it', async () => {
  const { startingFrom } = guided(2, { upTo: 3 });
  const student = moved(flowMapFrom(strong, 0, startingFrom));
  const noise = hostTensor([2, 2], Float32Array.of(1, 0, -1, 0.5));
  const sampled = async (model: Model, conditions: Record<string, Float32Array> = {}): Promise<number[]> => {
    const sampler = await compileSampler(referenceRuntime(), model, { batchSize: 2 });
    const { data } = await sampler.sample({ noise, times: uniformGrid(2), conditions });
    await sampler.dispose();
    return Array.from(data);
  };
  const told = await sampled(student, { guidance: Float32Array.of(1.5, 1.5) });
  expect(await sampled(atScale(student, 1.5))).toEqual(told);
  expect(await sampled(atScale(student, 3))).not.toEqual(told);
  expect(atScale(strong, 2)).toBe(strong);
});
