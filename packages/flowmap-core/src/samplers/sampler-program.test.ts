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
import { adamsBashforth } from './adams-bashforth.js';
import { compileSampler } from './compile-sampler.js';
import { consistency } from './consistency.js';
import { dormandPrince } from './dormand-prince.js';
import { dpmSolver } from './dpm-solver.js';
import { euler } from './euler.js';
import { flowMapSampler } from './flow-map-sampler.js';
import { gamma } from './gamma.js';
import { uniformGrid } from './grid.js';
import { heun } from './heun.js';
import { restart } from './restart.js';
import { samplerProgram } from './sampler-program.js';
import type { Sampler } from './sampler.js';

const runtime = referenceRuntime();
const points = [-1.6, -0.7, 0.1, 0.9, 2];
const noise = hostTensor([points.length, 1], Float64Array.from(points));

/** An exact flow map, or an exact velocity field, as a network without parameters. */
const base = { type: 'exact', shape: [1] };
const mapNetwork = (exact: FlowMap): Network =>
  defineNetwork({ ...base, interval: true }, {}, (_, { x, t, s }) => exact.averageVelocity(x, t, s!));
const fieldNetwork = (field: VelocityField): Network =>
  defineNetwork({ ...base, interval: false }, {}, (params, inputs) => field.velocity(params, inputs));

/** Where a sampler takes the points along a grid. It is compiled once, for one step. */
type Path = (times: ArrayLike<number>) => Promise<number[]>;
async function pathOf(network: Network, sampler: Sampler): Promise<Path> {
  const kind = network.config.interval ? 'flowMap' : 'velocity';
  const model = { kind, network, params: {}, classes: [] } as const;
  const compiled = await compileSampler(runtime, model, { sampler, batchSize: points.length });
  return async (times) => Array.from((await compiled.sample({ noise, times })).data);
}

/** One jump of the flow map itself. */
async function jump(exact: FlowMap, from: number, to: number): Promise<number[]> {
  const fill = (x: Tensor, time: number): Tensor => x.reshape([-1]).mul(0).add(time);
  const { data } = await evaluate(runtime, (x) => exact.map(x, fill(x, from), fill(x, to)), [noise]);
  return Array.from(data);
}

/** Steps from 1 to 0, alternately short and twice as long. */
function alternatingGrid(steps: number): number[] {
  const unit = 1 / (1.5 * steps);
  return Array.from({ length: steps + 1 }, (_, i) => 1 - unit * (1.5 * i - (i % 2) / 2));
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
    jumps = await pathOf(mapNetwork(map), flowMapSampler());
  });

  test('a flow map jumps to the same point on every grid', async () => {
    const inner = fc.array(fc.double({ min: 0.01, max: 0.99, noNaN: true }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(inner, async (times) => {
        const grid = [1, ...times.sort((a, b) => b - a), 0];
        // Rounding errors, divided by the small densities on the way.
        expect(largestDifference(await jumps(grid), exact)).toBeLessThan(1e-10);
      }),
      { numRuns: 20 },
    );
  });

  test('a flow map goes to noise and back', async () => {
    expect(largestDifference(await jumps([0.2, 0.5, 1, 0.7, 0.2]), points)).toBeLessThan(1e-10);
  });

  test.each([
    [euler(), 1],
    [heun(), 2],
    [adamsBashforth(), 2],
  ] as const)('$0.name converges with order $1, on steps of two lengths too', async (sampler, order) => {
    const path = await pathOf(fieldNetwork(field), sampler);
    for (const grid of [uniformGrid, alternatingGrid]) {
      const errorOf = async (steps: number): Promise<number> => largestDifference(await path(grid(steps)), exact);
      const [coarse, fine] = [await errorOf(64), await errorOf(128)];
      // The next order shifts the slope between two grids by a few percent at these steps.
      expect(Math.abs(Math.log2(coarse / fine) - order)).toBeLessThan(0.15);
      expect(fine).toBeLessThan(order === 1 ? 0.02 : 2e-3);
    }
  });

  test.each([euler(), heun(), adamsBashforth()])(
    '$name takes a flow map at s = t, where it is that field',
    async (sampler) => {
      const [fromMap, fromField] = [await pathOf(mapNetwork(map), sampler), await pathOf(fieldNetwork(field), sampler)];
      expect(largestDifference(await fromMap(uniformGrid(4)), await fromField(uniformGrid(4)))).toBeLessThan(1e-12);
    },
  );
});

describe('programs', () => {
  const network = unet({ shape: [1, 4, 4], classes: 3, channels: [4], groupSize: 4, heads: 0, interval: true });

  test('take times as an input and parameters as state', () => {
    const built = samplerProgram(flowMapSampler(), { network, batchSize: 2, steps: 3 });
    expect(built.inputs).toEqual({
      x: { shape: [2, 1, 4, 4], dtype: 'float32' },
      times: { shape: [4], dtype: 'float32' },
      'conditions.label': { shape: [2], dtype: 'int32' },
    });
    expect(built.state).toEqual(network.parameters);
    expect(built.updates).toEqual({});
    expect(built.outputs['x']!.shape).toEqual([2, 1, 4, 4]);
    expect(
      Object.keys(samplerProgram(euler(), { network: mlp({ shape: [2] }), batchSize: 1, steps: 1 }).inputs),
    ).toEqual(['x', 'times']);
  });

  test('evaluate the network as often as the method says', () => {
    const counted = (sampler: Sampler): number => {
      let evaluations = 0;
      const network = defineNetwork({ ...base, interval: true }, {}, (_, { x }) => {
        evaluations++;
        return x;
      });
      samplerProgram(sampler, { network, batchSize: 1, steps: 3 });
      return evaluations / 3;
    };
    const single = [flowMapSampler(), gamma(0.5), consistency(), euler(), adamsBashforth(), dpmSolver()];
    expect(single.map(counted)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(counted(heun())).toBe(2);
    expect(counted(dormandPrince())).toBe(6);
    expect(counted(restart(heun()))).toBe(2);
  });

  test('take noise for each step, and what is carried between them', () => {
    const options = { network: mlp({ shape: [2], interval: true }), batchSize: 4, steps: 3 };
    expect(samplerProgram(gamma(0.5), options).inputs['noise']).toEqual({ shape: [3, 4, 2], dtype: 'float32' });
    expect(Object.keys(samplerProgram(gamma(0), options).inputs)).toEqual(['x', 'times']);
    const { inputs, outputs } = samplerProgram(adamsBashforth(), options);
    expect(Object.keys(inputs)).toEqual(['x', 'times', 'carry.velocity', 'carry.length']);
    expect(Object.keys(outputs)).toEqual(['x', 'carry.velocity', 'carry.length']);
  });

  test('refuse a step that returns other shapes than it was given', () => {
    const options = { network: mlp({ shape: [2], interval: true }), batchSize: 4, steps: 1 };
    const summing: Sampler = { ...euler(), step: (_, x) => x.sum([1]) };
    expect(() => samplerProgram(summing, options)).toThrow(
      /sampler 'euler': wanted a step that returns x \[4, 2\], got \[4\]/,
    );
    const forgetting: Sampler = { ...adamsBashforth(), step: (_, x) => x };
    expect(() => samplerProgram(forgetting, options)).toThrow(
      /sampler: 'adams-bashforth' does not carry 'velocity' on/,
    );
  });

  test('with invalid options are refused', () => {
    const field = mlp({ shape: [2] });
    expect(() => samplerProgram(flowMapSampler(), { network: field, batchSize: 1, steps: 1 })).toThrow(
      /sampler: 'flow-map' wants a network with an interval input; use euler\(\)/,
    );
    expect(() => samplerProgram(euler(), { network: field, batchSize: 0, steps: 1 })).toThrow(
      expect.objectContaining({ option: 'batchSize' }),
    );
    expect(() => samplerProgram(euler(), { network: field, batchSize: 1, steps: 1.5 })).toThrow(
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
