import { describe, expect, it } from 'vitest';
import { DisposedError, FeedError } from '../../errors.js';
import { hostTensor } from '../../runtime/host-tensor.js';
import type { DeviceTensor, Feeds } from '../../runtime/runtime.js';
import { accumulator, initial, numbers, scalar, started, vector, type GetRuntime } from './common.js';

/** What an executable refuses, with a typed error, before it computes anything. */
export function describeRefusals(runtime: GetRuntime): void {
  describe('refuses', () => {
    const refused: readonly (readonly [string, Feeds, string])[] = [
      ['a missing input', {}, 'x'],
      ['an unknown input', { x: vector(1, 2), z: vector(1) }, 'z'],
      ['a wrong shape', { x: vector(1, 2, 3) }, 'x'],
      ['a wrong rank', { x: hostTensor([1, 2], [1, 2]) }, 'x'],
      ['a wrong dtype', { x: hostTensor([2], Int32Array.of(1, 2)) }, 'x'],
      ['a state as an input', { x: vector(1, 2), total: vector(1, 2) }, 'total'],
      ['an array too short', { x: { shape: [2], dtype: 'float32', data: new Float32Array(1) } }, 'x'],
      ['an array of another type', { x: { shape: [2], dtype: 'float32', data: new Int32Array(2) } }, 'x'],
    ];

    it.each(refused)('%s', async (_, feeds, tensor) => {
      const executable = await started(runtime, accumulator, initial);
      await expect(executable.run(feeds)).rejects.toThrow(FeedError);
      await expect(executable.run(feeds)).rejects.toMatchObject({ program: 'accumulator', tensor });
      await executable.dispose();
    });

    it('a tensor of another runtime', async () => {
      const executable = await started(runtime, accumulator, initial);
      const foreign: DeviceTensor = {
        shape: [2],
        dtype: 'float32',
        read: () => Promise.resolve(vector(1, 2)),
        dispose: () => undefined,
      };
      await expect(executable.run({ x: foreign })).rejects.toThrow(FeedError);
      await executable.dispose();
    });

    it('a run before every state was written, naming the state', async () => {
      const executable = await started(runtime, accumulator, { total: vector(0, 0), last: vector(0, 0) });
      await expect(executable.run({ x: vector(1, 2) })).rejects.toMatchObject({ tensor: 'fixed' });
      await expect(executable.readState()).rejects.toThrow(FeedError);
      expect(await numbers((await executable.readState(['total']))['total'])).toEqual([0, 0]);
      await executable.dispose();
    });

    it('states that are unknown or do not fit', async () => {
      const executable = await started(runtime, accumulator, initial);
      await expect(executable.writeState({ other: scalar(1) })).rejects.toMatchObject({ tensor: 'other' });
      await expect(executable.writeState({ x: vector(1, 2) })).rejects.toThrow(FeedError);
      await expect(executable.writeState({ fixed: vector(1) })).rejects.toThrow(FeedError);
      await expect(executable.writeState({ fixed: hostTensor([], Int32Array.of(1)) })).rejects.toThrow(FeedError);
      await expect(executable.readState(['other'])).rejects.toThrow(FeedError);
      await executable.dispose();
    });

    it('a disposed tensor and a disposed executable', async () => {
      const executable = await started(runtime, accumulator, initial);
      const { y } = await executable.run({ x: vector(1, 2) });
      y!.dispose();
      y!.dispose();
      await expect(y!.read()).rejects.toThrow(DisposedError);
      await expect(executable.run({ x: y! })).rejects.toThrow(DisposedError);
      await executable.dispose();
      await executable.dispose();
      await expect(executable.run({ x: vector(1, 2) })).rejects.toThrow(DisposedError);
      await expect(executable.readState()).rejects.toThrow(DisposedError);
      await expect(executable.writeState(initial)).rejects.toThrow(DisposedError);
    });
  });
}
