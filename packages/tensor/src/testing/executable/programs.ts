import { describe, expect, it } from 'vitest';
import { oneHot, stopGradient } from '../../library/functions.js';
import { hostTensor, type HostData } from '../../runtime/host-tensor.js';
import { program, type Program } from '../../program/program.js';
import { bind, constant, input, reachable, full, type Tensor } from '../../graph/tensor.js';
import { numbers, scalar, started, vector, type GetRuntime } from './common.js';

/** Programs of every form: dtypes, missing parts, nodes that compute nothing, NaN. */
export function describePrograms(runtime: GetRuntime): void {
  describe('programs', () => {
    it('read their results as arrays of their dtype and shape', async () => {
      const built = program('dtypes', { inputs: { x: [1, 2] } }, ({ x }) => ({
        outputs: { float: x, int: x.cast('int32'), bool: x.less(2) },
      }));
      const executable = await started(runtime, built);
      const outputs = await executable.run({ x: hostTensor([1, 2], [1.5, 2.5]) });
      const floats: HostData =
        runtime().precision === 'float64' ? Float64Array.of(1.5, 2.5) : Float32Array.of(1.5, 2.5);
      expect(await outputs['float']!.read()).toEqual({ shape: [1, 2], dtype: 'float32', data: floats });
      expect(await outputs['int']!.read()).toEqual({ shape: [1, 2], dtype: 'int32', data: Int32Array.of(1, 2) });
      expect(await outputs['bool']!.read()).toEqual({ shape: [1, 2], dtype: 'bool', data: Uint8Array.of(1, 0) });
      expect(outputs['int']).toMatchObject({ shape: [1, 2], dtype: 'int32' });
      await executable.dispose();
    });

    it('leave the facts of the runtime as they are, which are JSON scalars', async () => {
      const before = JSON.stringify(runtime().facts ?? {});
      for (const value of Object.values(runtime().facts ?? {})) {
        expect(['string', 'number', 'boolean']).toContain(typeof value);
        expect(JSON.parse(JSON.stringify(value))).toBe(value);
      }
      const built = program('facts', { inputs: {} }, () => ({ outputs: { y: constant([1]) } }));
      for (let i = 0; i < 2; i++) {
        await (await started(runtime, built)).dispose();
        expect(JSON.stringify(runtime().facts ?? {})).toBe(before);
      }
    });

    it('take int32 and bool inputs', async () => {
      const args = { labels: { shape: [3], dtype: 'int32' }, keep: { shape: [3, 1], dtype: 'bool' } } as const;
      const built = program('labels', { inputs: args }, ({ labels, keep }) => ({
        outputs: { rows: oneHot(labels, 2).mul(keep.cast('float32')) },
      }));
      const executable = await started(runtime, built);
      const { rows } = await executable.run({
        labels: hostTensor([3], Int32Array.of(1, 0, 1)),
        keep: hostTensor([3, 1], Uint8Array.of(1, 1, 0)),
      });
      expect(await numbers(rows)).toEqual([0, 1, 1, 0, 0, 0]);
      await executable.dispose();
    });

    it('may lack inputs, outputs, or any use for an input', async () => {
      const built = program('clock', { inputs: { unused: [2] }, state: { t: [] } }, (_, { t }) => ({
        outputs: {},
        state: { t: t.add(1) },
      }));
      const executable = await started(runtime, built, { t: scalar(0) });
      expect(await executable.run({ unused: vector(0, 0) })).toEqual({});
      expect(await numbers((await executable.readState())['t'])).toEqual([1]);
      await executable.dispose();

      const fixed = await started(
        runtime,
        program('fixed', { inputs: {} }, () => ({ outputs: { y: constant([1, 2]) } })),
      );
      expect(await numbers((await fixed.run({}))['y'])).toEqual([1, 2]);
      await fixed.dispose();
    });

    it('may hold what simplification removes', async () => {
      const executable = await started(runtime, unsimplified());
      const { y, sums } = await executable.run({ x: hostTensor([1, 2], [3, -4]) });
      expect(await numbers(y)).toEqual([12, -16]);
      expect(await numbers(sums)).toEqual([6, -8]);
      await executable.dispose();
    });

    it('let a NaN through to what depends on it', async () => {
      const built = program('nan', { inputs: { x: [4] } }, ({ x }) => ({
        outputs: { mean: x.mean(), product: x.mul(2).add(1), untouched: x.slice([0], [1]) },
      }));
      const executable = await started(runtime, built);
      const outputs = await executable.run({ x: vector(1, NaN, 2, 3) });
      expect(await numbers(outputs['mean'])).toEqual([NaN]);
      expect(await numbers(outputs['product'])).toEqual([3, NaN, 5, 7]);
      expect(await numbers(outputs['untouched'])).toEqual([1]);
      await executable.dispose();
    });
  });
}

/** `y = 4 x` with nodes that compute nothing, which `program` would have removed. */
function unsimplified(): Program {
  const x = input('x', [1, 2]);
  const stopped = stopGradient(bind('identity', [x], {}));
  const still = stopped.reshape([1, 2]).transpose([0, 1]).slice([0, 0], [1, 2]).pad([0, 0], [0, 0]).broadcastTo([1, 2]);
  const same = bind('concat', [still.cast('float32').neg().neg().mul(1).add(0)], { axis: 0 });
  const doubled = same.add(same);
  const y = doubled.mul(full(2, [1, 2]));
  const sums = doubled.sum([0], true).sum([]).max([0]);
  const outputs: Readonly<Record<string, Tensor>> = { y, sums };
  return {
    name: 'unsimplified',
    inputs: { x: { shape: [1, 2], dtype: 'float32' } },
    state: {},
    outputs,
    updates: {},
    nodes: reachable([y, sums]),
  };
}
