import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, expect, it } from 'vitest';
import { FeedError, ProgramError } from '../errors.js';
import { freeze } from './freeze.js';
import { roundTo } from '../graph/half.js';
import { hostTensor } from '../runtime/host-tensor.js';
import { formatProgram, program } from './program.js';

const affine = program(
  'affine',
  { inputs: { x: [2, 3] }, state: { w: [3, 2], b: [1, 2], count: { shape: [], dtype: 'int32' } } },
  ({ x }, { w, b, count }) => ({
    outputs: { y: x.matmul(w).add(b).mul(count.cast('float32')) },
    state: { count: count.add(1) },
  }),
);
const w = hostTensor([3, 2], Float32Array.of(1, 2, 3, 4, 5, 6));
const b = hostTensor([1, 2], Float32Array.of(-1, 1));
const x = hostTensor([2, 3], Float32Array.of(1, 0, 2, 0, 1, 0));

describe('freeze', () => {
  it('rounds what a half cannot hold', async () => {
    const spec = { shape: [1], dtype: 'bfloat16' } as const;
    const built = program('half', { inputs: {}, state: { w: spec } }, (_, { w }) => ({
      outputs: { w, y: w.cast('float32') },
    }));
    const executable = await referenceRuntime().compile(
      freeze(built, { w: { ...spec, data: Float32Array.of(1 / 3) } }),
    );
    const { w, y } = await executable.run({});
    expect(await w!.read()).toEqual(hostTensor([1], [1 / 3], 'bfloat16'));
    expect((await y!.read()).data[0]).toBe(roundTo(1 / 3, 'bfloat16'));
  });

  it('computes the same without the states, whose values are those at the time of the call', async () => {
    const bias = Float32Array.from(b.data);
    const frozen = freeze(affine, { w, b: hostTensor([1, 2], bias) });
    bias.fill(NaN);
    expect(Object.keys(frozen.state)).toEqual(['count']);
    const executable = await referenceRuntime().compile(frozen);
    await executable.writeState({ count: hostTensor([], [3], 'int32') });
    const { y } = await executable.run({ x });
    // x w = [[11, 14], [3, 4]], exact because these are whole numbers.
    expect(Array.from((await y!.read()).data)).toEqual([30, 45, 6, 15]);
    expect(Array.from((await executable.readState())['count']!.data)).toEqual([4]);
    expect(Object.keys(affine.state)).toEqual(['w', 'b', 'count']);
  });

  it('simplifies using the values: a layer of zeros disappears', () => {
    const frozen = freeze(affine, { w: hostTensor([3, 2], new Float32Array(6)) });
    expect(formatProgram(frozen)).not.toContain('matmul');
  });

  it('changes nothing when given nothing', () => {
    expect(formatProgram(freeze(affine, {}))).toBe(formatProgram(affine));
  });

  it('refuses states that change, and values that do not fit', () => {
    expect(() => freeze(affine, { count: hostTensor([], [0], 'int32') })).toThrow(ProgramError);
    expect(() => freeze(affine, { count: hostTensor([], [0], 'int32') })).toThrow(/'count' changes from run to run/);
    expect(() => freeze(affine, { x })).toThrow(FeedError);
    expect(() => freeze(affine, { w: b })).toThrow(/state 'w' is float32 \[3, 2\], got float32 \[1, 2\]/);
  });
});
