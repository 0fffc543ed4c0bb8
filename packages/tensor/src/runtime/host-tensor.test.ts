import { describe, expect, it } from 'vitest';
import { DTypeError, FlowmapError, ShapeError } from '../errors.js';
import { roundTo } from '../graph/half.js';
import { hostTensor, hostZeros, stackHostTensors } from './host-tensor.js';

describe('hostTensor', () => {
  it('makes an array of the dtype from plain numbers', () => {
    expect(hostTensor([2], [1, 2])).toEqual({ shape: [2], dtype: 'float32', data: Float32Array.of(1, 2) });
    expect(hostTensor([2], [1, 2], 'int32').data).toEqual(Int32Array.of(1, 2));
    expect(hostTensor([2], [1, 0], 'bool').data).toEqual(Uint8Array.of(1, 0));
    expect(hostTensor([], [3]).data).toEqual(Float32Array.of(3));
  });

  it('keeps a typed array and infers its dtype', () => {
    const data = new Float64Array(6);
    expect(hostTensor([2, 3], data).data).toBe(data);
    expect(hostTensor([1], Int32Array.of(1)).dtype).toBe('int32');
    expect(hostTensor([1], Uint8Array.of(1)).dtype).toBe('bool');
    expect(hostTensor([1], Float64Array.of(1)).dtype).toBe('float32');
  });

  it.each(['float16', 'bfloat16'] as const)('rounds numbers to %s, in a new array', (dtype) => {
    const data = Float64Array.of(1 / 3, 1e9, -0);
    const rounded = Float32Array.from(data, (value) => roundTo(value, dtype));
    expect(hostTensor([3], data, dtype)).toEqual({ shape: [3], dtype, data: rounded });
    expect(hostTensor([3], Float32Array.from(data), dtype).data).toEqual(rounded);
    expect(hostTensor([3], Array.from(data), dtype).data).toEqual(rounded);
    expect(hostTensor([3], rounded, dtype).data).not.toBe(rounded);
    expect(hostZeros({ shape: [2], dtype })).toEqual({ shape: [2], dtype, data: new Float32Array(2) });
    expect(() => hostTensor([1], Int32Array.of(1), dtype)).toThrow(DTypeError);
  });

  it('makes zeros', () => {
    expect(hostZeros({ shape: [2, 2], dtype: 'int32' })).toEqual(hostTensor([2, 2], new Int32Array(4)));
  });

  it('refuses a wrong number of values', () => {
    expect(() => hostTensor([2, 3], [1, 2])).toThrow(ShapeError);
    expect(() => hostTensor([2, 3], [1, 2])).toThrow('hostTensor: wanted 6 values for shape [2, 3], got [2]');
    expect(() => hostTensor([], [])).toThrow(ShapeError);
  });

  it('refuses invalid shapes', () => {
    expect(() => hostTensor([-2, -3], new Float32Array(6))).toThrow(ShapeError);
    expect(() => hostTensor([0], [])).toThrow('hostTensor: wanted whole extents >= 1, got [0]');
  });

  it('refuses an array that cannot hold the dtype', () => {
    expect(() => hostTensor([1], Int32Array.of(1), 'float32')).toThrow(DTypeError);
    expect(() => hostTensor([1], Float32Array.of(1), 'int32')).toThrow(
      'hostTensor: wanted an array that holds int32, got Float32Array',
    );
    expect(() => hostTensor([1], Float32Array.of(1), 'bool')).toThrow(FlowmapError);
  });

  it('refuses plain numbers that the dtype would change', () => {
    expect(() => hostTensor([2], [1, 2.5], 'int32')).toThrow('hostTensor: wanted values of dtype int32, got 2.5');
    expect(() => hostTensor([1], [2], 'bool')).toThrow(DTypeError);
  });
});

describe('stackHostTensors', () => {
  it('stacks tensors along a new axis, in new memory', () => {
    const row = hostTensor([2], Int32Array.of(1, 2));
    const stacked = stackHostTensors([row, hostTensor([2], Int32Array.of(3, 4)), row]);
    expect(stacked).toEqual(hostTensor([3, 2], Int32Array.of(1, 2, 3, 4, 1, 2)));
    row.data.fill(9);
    expect(stacked.data[0]).toBe(1);
    expect(stackHostTensors([hostTensor([], [5])])).toEqual(hostTensor([1], [5]));
  });

  it('keeps doubles, which a scalar of a training step may be', () => {
    const doubles = hostTensor([], Float64Array.of(0.1));
    expect(stackHostTensors([hostTensor([], [0.5]), doubles]).data).toEqual(Float64Array.of(0.5, 0.1));
  });

  it('refuses an empty list, and tensors that differ', () => {
    expect(() => stackHostTensors([])).toThrow(ShapeError);
    expect(() => stackHostTensors([hostTensor([1], [1]), hostTensor([], [1])])).toThrow(ShapeError);
    expect(() => stackHostTensors([hostTensor([1], [1]), hostTensor([1], Int32Array.of(1))])).toThrow(DTypeError);
  });
});
