import { describe, expect, it } from 'vitest';
import { FeedError } from '../../errors.js';
import { hostTensor, type HostTensor } from '../../runtime/host-tensor.js';
import { program } from '../../program/program.js';
import type { Runtime } from '../../runtime/runtime.js';
import { constant, full } from '../../graph/tensor.js';
import { gradients } from '../../autodiff/vjp.js';
import { mismatch, tolerances } from '../compare.js';
import { normal } from '../samples.js';
import { accumulator, initial, numbers, scalar, started, vector, type GetRuntime } from './common.js';

/** How an executable keeps state from run to run. */
export function describeState(runtime: GetRuntime, oracle: GetRuntime): void {
  describe('state', () => {
    it('moves on with every run, and only what the program changes', async () => {
      const executable = await started(runtime, accumulator, initial);
      const first = await executable.run({ x: vector(1, 2) });
      const second = await executable.run({ x: vector(3, 4) });
      expect(await numbers(first['y'])).toEqual([0, 10]);
      expect(await numbers(second['y'])).toEqual([10, 30]);
      const state = await executable.readState();
      expect(Object.keys(state).sort()).toEqual(['fixed', 'last', 'total']);
      expect(await numbers(state['total'])).toEqual([4, 7]);
      expect(await numbers(state['last'])).toEqual([3, 4]);
      expect(await numbers(state['fixed'])).toEqual([10]);
      await executable.dispose();
    });

    it('can be written in parts, before the first run and between runs', async () => {
      const executable = await started(runtime, accumulator, { total: vector(5, 5) });
      await executable.writeState({ last: vector(0, 0), fixed: scalar(1) });
      await executable.run({ x: vector(1, 1) });
      await executable.writeState({ fixed: scalar(3) });
      const { y } = await executable.run({ x: vector(1, 1) });
      expect(await numbers(y)).toEqual([18, 18]);
      const state = await executable.readState(['last', 'total']);
      expect(Object.keys(state)).toEqual(['last', 'total']);
      expect(await numbers(state['total'])).toEqual([7, 7]);
      await executable.dispose();
    });

    it('can be swapped, duplicated, passed through and set to an input or a constant', async () => {
      const states = { a: [2], b: [2], c: [2], d: [2], e: [2] };
      const built = program('shuffle', { inputs: { x: [2] }, state: states }, ({ x }, { a, b, c }) => ({
        outputs: { a, newA: b },
        state: { a: b, b: a, c, d: x, e: constant([7, 8]) },
      }));
      const value = (i: number): HostTensor => vector(i, -i);
      const executable = await started(runtime, built, {
        a: value(1),
        b: value(2),
        c: value(3),
        d: value(4),
        e: value(5),
      });
      for (const [a, b] of [
        [1, 2],
        [2, 1],
        [1, 2],
      ] as const) {
        const outputs = await executable.run({ x: value(9) });
        expect(await numbers(outputs['a'])).toEqual([a, -a]);
        expect(await numbers(outputs['newA'])).toEqual([b, -b]);
        const state = await executable.readState();
        expect(await numbers(state['a'])).toEqual([b, -b]);
        expect(await numbers(state['b'])).toEqual([a, -a]);
        expect(await numbers(state['c'])).toEqual([3, -3]);
        expect(await numbers(state['d'])).toEqual([9, -9]);
        expect(await numbers(state['e'])).toEqual([7, 8]);
      }
      await executable.dispose();
    });

    it('is kept apart in two executables of one program', async () => {
      const [one, two] = [await started(runtime, accumulator, initial), await started(runtime, accumulator, initial)];
      await one.run({ x: vector(100, 100) });
      await two.run({ x: vector(1, 1) });
      expect(await numbers((await two.readState())['total'])).toEqual([1, 2]);
      await one.dispose();
      expect(await numbers((await two.run({ x: vector(1, 1) }))['y'])).toEqual([10, 20]);
      await two.dispose();
    });

    it('holds int32 and bool', async () => {
      const built = program(
        'counter',
        { inputs: {}, state: { step: { shape: [], dtype: 'int32' }, odd: { shape: [1], dtype: 'bool' } } },
        (_, { step, odd }) => ({
          outputs: { odd },
          state: { step: step.add(1), odd: odd.equal(full(0, [1], 'bool')) },
        }),
      );
      const executable = await started(runtime, built, {
        step: hostTensor([], Int32Array.of(20_000_000)),
        odd: hostTensor([1], Uint8Array.of(0)),
      });
      for (let i = 0; i < 3; i++) await executable.run({});
      const { step, odd } = await executable.readState();
      expect(step).toEqual(hostTensor([], Int32Array.of(20_000_003)));
      expect(odd).toEqual(hostTensor([1], Uint8Array.of(1)));
      await executable.dispose();
    });

    it('stays as it was when a run is refused', async () => {
      const executable = await started(runtime, accumulator, initial);
      await expect(executable.run({ x: vector(1, 2, 3) })).rejects.toThrow(FeedError);
      await expect(executable.writeState({ fixed: scalar(2), total: vector(1) })).rejects.toThrow(FeedError);
      const state = await executable.readState();
      expect(await numbers(state['total'])).toEqual([0, 1]);
      expect(await numbers(state['fixed'])).toEqual([10]);
      await executable.dispose();
    });

    it('trains: gradient descent as on the oracle', async () => {
      const step = program(
        'descent',
        { inputs: { x: [8, 3], target: [8, 2], rate: [] }, state: { w: [3, 2], v: [3, 2] } },
        ({ x, target, rate }, { w, v }) => {
          const loss = x.matmul(w).tanh().sub(target).square().mean();
          const momentum = v.mul(0.9).add(gradients(loss, { w }).w);
          return { outputs: { loss }, state: { v: momentum, w: w.sub(momentum.mul(rate)) } };
        },
      );
      const feeds = { x: normal([8, 3]).draw(1), target: normal([8, 2]).draw(2), rate: scalar(0.125) };
      const losses = async (on: Runtime): Promise<HostTensor> => {
        const executable = await on.compile(step);
        await executable.writeState({ w: normal([3, 2]).draw(3), v: hostTensor([3, 2], new Float32Array(6)) });
        const values: number[] = [];
        for (let i = 0; i < 20; i++) values.push((await numbers((await executable.run(feeds))['loss']))[0]!);
        await executable.dispose();
        return hostTensor([20], values);
      };
      const [got, wanted] = [await losses(runtime()), await losses(oracle())];
      expect(wanted.data[19]).toBeLessThan(wanted.data[0]! / 2);
      // Twenty steps of a contracting map have no more error than a second derivative.
      expect(mismatch(got, wanted, tolerances[runtime().precision][2])).toBeUndefined();
    });
  });
}
