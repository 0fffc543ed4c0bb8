import { hostTensor, type Tensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { referenceRuntime } from '@flowmap/runtime-reference';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { gaussianFlowMap, gaussianVelocity, mixtureFlowMap, mixtureVelocity } from '../closed-forms.js';
import { mlp } from '../networks/mlp.js';
import { defineNetwork } from '../networks/network.js';
import { unet } from '../networks/unet.js';
import type { FlowMap, Network, VelocityField } from '../plugins.js';
import { compileSampler, type SamplerMethod } from './compile-sampler.js';
import { uniformGrid } from './grid.js';
import { eulerSampler, flowMapSampler } from './samplers.js';

const runtime = referenceRuntime();
const points = [-1.6, -0.7, 0.1, 0.9, 2];
const noise = hostTensor([points.length, 1], Float64Array.from(points));

/** An exact flow map, or an exact velocity field, as a network without parameters. */
const base = { type: 'exact', shape: [1] };
const mapNetwork = (exact: FlowMap): Network =>
  defineNetwork({ ...base, interval: true }, {}, (_, { x, t, s }) => exact.averageVelocity(x, t, s!));
const fieldNetwork = (field: VelocityField): Network =>
  defineNetwork({ ...base, interval: false }, {}, (params, inputs) => field.velocity(params, inputs));

/** Where a sampler leads from the points along a grid. It is compiled once, for one step. */
type Path = (times: ArrayLike<number>) => Promise<number[]>;
async function pathOf(network: Network, method: SamplerMethod): Promise<Path> {
  const kind = network.config.interval ? 'flowMap' : 'velocity';
  const model = { kind, network, params: {}, classes: [] } as const;
  const sampler = await compileSampler(runtime, model, { method, batchSize: points.length });
  return async (times) => Array.from((await sampler.sample({ noise, times })).data);
}

/** One jump of the flow map itself. */
async function jump(exact: FlowMap, from: number, to: number): Promise<number[]> {
  const fill = (x: Tensor, time: number): Tensor => x.reshape([-1]).mul(0).add(time);
  const { data } = await evaluate(runtime, (x) => exact.map(x, fill(x, from), fill(x, to)), [noise]);
  return Array.from(data);
}

function largestDifference(a: readonly number[], b: readonly number[]): number {
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
}

const mixture = { weights: [0.3, 0.7], means: [-1, 1.2], stds: [0.3, 0.5] };
const laws = {
  Gaussian: { map: gaussianFlowMap({ mean: 0.7, std: 0.5 }), field: gaussianVelocity({ mean: 0.7, std: 0.5 }) },
  mixture: { map: mixtureFlowMap(mixture), field: mixtureVelocity(mixture) },
};

describe.each(Object.entries(laws))('on the exact fields of a %s', (_, { map, field }) => {
  let exact: number[];
  let jumps: Path;
  beforeAll(async () => {
    exact = await jump(map, 1, 0);
    jumps = await pathOf(mapNetwork(map), 'flowMap');
  });

  test('a flow map jumps to the same point on every grid', async () => {
    const inner = fc.array(fc.double({ min: 0.01, max: 0.99, noNaN: true }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(inner, async (times) => {
        const grid = [1, ...times.sort((a, b) => b - a), 0];
        // Rounding, divided by the small densities on the way.
        expect(largestDifference(await jumps(grid), exact)).toBeLessThan(1e-10);
      }),
      { numRuns: 20 },
    );
  });

  test('a flow map leads to noise and back', async () => {
    expect(largestDifference(await jumps([0.2, 0.5, 1, 0.7, 0.2]), points)).toBeLessThan(1e-10);
  });

  test.each([
    ['euler', 1],
    ['heun', 2],
  ] as const)('%s converges with order %d', async (method, order) => {
    const path = await pathOf(fieldNetwork(field), method);
    const errorOf = async (steps: number): Promise<number> => largestDifference(await path(uniformGrid(steps)), exact);
    const [coarse, fine] = [await errorOf(64), await errorOf(128)];
    // The slope between two grids is off by the next order's share, a few percent at these steps.
    expect(Math.abs(Math.log2(coarse / fine) - order)).toBeLessThan(0.15);
    expect(fine).toBeLessThan(method === 'euler' ? 0.02 : 5e-4);
  });

  test.each(['euler', 'heun'] as const)('%s takes a flow map at s = t, where it is that field', async (method) => {
    const [fromMap, fromField] = [await pathOf(mapNetwork(map), method), await pathOf(fieldNetwork(field), method)];
    expect(largestDifference(await fromMap(uniformGrid(4)), await fromField(uniformGrid(4)))).toBeLessThan(1e-12);
  });
});

describe('programs', () => {
  const network = unet({ shape: [1, 4, 4], classes: 3, channels: [4], groupSize: 4, heads: 0, interval: true });

  test('take times as an input and parameters as state', () => {
    const built = flowMapSampler({ network, batchSize: 2, steps: 3 });
    expect(built.inputs).toEqual({
      x: { shape: [2, 1, 4, 4], dtype: 'float32' },
      times: { shape: [4], dtype: 'float32' },
      'conditions.label': { shape: [2], dtype: 'int32' },
    });
    expect(built.state).toEqual(network.parameters);
    expect(built.updates).toEqual({});
    expect(built.outputs['x']!.shape).toEqual([2, 1, 4, 4]);
    expect(Object.keys(eulerSampler({ network: mlp({ shape: [2] }), batchSize: 1, steps: 1 }).inputs)).toEqual([
      'x',
      'times',
    ]);
  });

  test('that make no sense are refused', () => {
    const field = mlp({ shape: [2] });
    expect(() => flowMapSampler({ network: field, batchSize: 1, steps: 1 })).toThrow(
      /wanted a network with an interval input; use eulerSampler/,
    );
    expect(() => eulerSampler({ network: field, batchSize: 0, steps: 1 })).toThrow(
      expect.objectContaining({ option: 'batchSize' }),
    );
    expect(() => eulerSampler({ network: field, batchSize: 1, steps: 1.5 })).toThrow(
      expect.objectContaining({ option: 'steps' }),
    );
  });
});

describe('uniform grids', () => {
  test('have exact ends and equal steps', () => {
    expect(uniformGrid(4)).toEqual(Float32Array.of(1, 0.75, 0.5, 0.25, 0));
    expect(uniformGrid(1, 0.1, 0.7)).toEqual(Float32Array.of(0.1, 0.7));
    for (const steps of [0, -1, 1.5, NaN])
      expect(() => uniformGrid(steps)).toThrow(expect.objectContaining({ option: 'steps' }));
  });
});
