import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, expect, it } from 'vitest';
import { FeedError, FlowmapError, ProgramError } from '../errors.js';
import { hostTensor } from '../runtime/host-tensor.js';
import { specText, formatProgram, program } from './program.js';
import { checkFeeds, checkStateWritten } from '../runtime/runtime.js';
import { constant, input, type Tensor } from '../graph/tensor.js';
import { gradients } from '../autodiff/vjp.js';

const sgd = program(
  'sgd',
  { inputs: { x: [4, 3], y: [4, 1], rate: [] }, state: { w: [3, 1], steps: { shape: [], dtype: 'int32' } } },
  ({ x, y, rate }, { w, steps }) => {
    const loss = x.matmul(w).sub(y).square().mean();
    const { w: dw } = gradients(loss, { w });
    return { outputs: { loss }, state: { w: w.sub(dw.mul(rate)), steps: steps.add(1) } };
  },
);

describe('program', () => {
  it('knows its inputs, state, outputs and updates', () => {
    expect(sgd.inputs).toEqual({
      x: { shape: [4, 3], dtype: 'float32' },
      y: { shape: [4, 1], dtype: 'float32' },
      rate: { shape: [], dtype: 'float32' },
    });
    expect(sgd.state).toEqual({ w: { shape: [3, 1], dtype: 'float32' }, steps: { shape: [], dtype: 'int32' } });
    expect(Object.keys(sgd.outputs)).toEqual(['loss']);
    expect(Object.keys(sgd.updates)).toEqual(['w', 'steps']);
    for (const result of [...Object.values(sgd.outputs), ...Object.values(sgd.updates)]) {
      expect(sgd.nodes).toContain(result);
    }
  });

  it('lists every node once, operands first', () => {
    const seen = new Set<Tensor>();
    for (const node of sgd.nodes) {
      expect(seen.has(node)).toBe(false);
      for (const operand of node.operands) expect(seen.has(operand)).toBe(true);
      seen.add(node);
    }
  });

  it('is written one node per line', () => {
    expect(`\n${formatProgram(sgd)}`).toMatchInlineSnapshot(`
      "
      %0 = input 'x' : float32 [4, 3]
      %1 = input 'y' : float32 [4, 1]
      %2 = input 'rate' : float32 []
      %3 = input 'w' : float32 [3, 1]
      %4 = input 'steps' : int32 []
      %5 = matmul %0 %3 {"transposeA":false,"transposeB":false} : float32 [4, 1]
      %6 = sub %5 %1 : float32 [4, 1]
      %7 = square %6 : float32 [4, 1]
      %8 = sum %7 {"axes":[0,1],"keepDims":false} : float32 []
      %9 = constant 0.25 : float32 []
      %10 = mul %8 %9 : float32 []
      %11 = constant 0.5 : float32 []
      %12 = mul %6 %11 : float32 [4, 1]
      %13 = matmul %0 %12 {"transposeA":true,"transposeB":false} : float32 [3, 1]
      %14 = mul %13 %2 : float32 [3, 1]
      %15 = sub %3 %14 : float32 [3, 1]
      %16 = constant 1 : int32 []
      %17 = add %4 %16 : int32 []
      return loss = %10
      state w = %15
      state steps = %17"
    `);
  });

  it('abbreviates long constants', () => {
    const built = program('long', { inputs: {} }, () => ({
      outputs: { y: constant(Array.from({ length: 9 }, (_, i) => i)) },
    }));
    expect(formatProgram(built)).toBe('%0 = constant … : float32 [9]\nreturn y = %0');
  });

  it('leaves out nodes that no result needs', () => {
    const built = program('dead', { inputs: { x: [2], unused: [3] } }, ({ x, unused }) => {
      unused.exp();
      return { outputs: { y: x } };
    });
    expect(built.nodes.map((node) => node.is('input') && node.attributes.name)).toEqual(['x']);
    expect(Object.keys(built.inputs)).toEqual(['x', 'unused']);
  });

  it('does the same as the function it was traced from', async () => {
    const executable = await referenceRuntime().compile(sgd);
    await executable.writeState({ w: hostTensor([3, 1], [0, 0, 0]), steps: hostTensor([], [0], 'int32') });
    const x = hostTensor([4, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1]);
    const y = hostTensor([4, 1], [1, 2, 3, 6]);
    let loss = Infinity;
    for (let i = 0; i < 200; i++) {
      const outputs = await executable.run({ x, y, rate: hostTensor([], [0.5]) });
      loss = (await outputs['loss']!.read()).data[0]!;
    }
    // The exact solution is w = (1, 2, 3); the slowest mode shrinks by a factor 1 - 0.5 * 2/4 = 3/4 per step, and
    // 0.75^400 = 1e-50.
    expect(loss).toBeLessThan(1e-25);
    const { w, steps } = await executable.readState();
    w!.data.forEach((value, i) => expect(value).toBeCloseTo(i + 1, 12));
    expect(steps!.data[0]).toBe(200);
  });
});

describe('a program cannot be built', () => {
  const build = (f: () => unknown): string => {
    try {
      f();
    } catch (error) {
      expect(error).toBeInstanceOf(ProgramError);
      expect(error).toBeInstanceOf(FlowmapError);
      expect(error).toMatchObject({ name: 'ProgramError', program: 'p' });
      return (error as Error).message;
    }
    throw new Error('nothing was thrown');
  };

  it('with one name for an input and a state', () => {
    const twice = (): unknown =>
      program('p', { inputs: { x: [1] }, state: { x: [1] } }, ({ x }) => ({ outputs: { x } }));
    expect(build(twice)).toBe("program 'p': 'x' is both an input and a state");
  });

  it('with a new value for something that is not a state', () => {
    const unknown = (): unknown => program('p', { inputs: { x: [1] } }, ({ x }) => ({ outputs: {}, state: { v: x } }));
    expect(build(unknown)).toBe("program 'p': new value for 'v', which is not a state of this program");
    const argument = (): unknown => program('p', { inputs: { x: [1] } }, ({ x }) => ({ outputs: {}, state: { x } }));
    expect(build(argument)).toBe("program 'p': new value for 'x', which is not a state of this program");
  });

  it('with a state of another shape or dtype', () => {
    const shape = (): unknown =>
      program('p', { inputs: {}, state: { w: [2, 1] } }, (_, { w }) => ({ outputs: {}, state: { w: w.sum([1]) } }));
    expect(build(shape)).toBe("program 'p': state 'w' is float32 [2, 1], its new value is float32 [2]");
    const dtype = (): unknown =>
      program('p', { inputs: {}, state: { w: [2] } }, (_, { w }) => ({ outputs: {}, state: { w: w.cast('int32') } }));
    expect(build(dtype)).toBe("program 'p': state 'w' is float32 [2], its new value is int32 [2]");
  });

  it('from tensors of another one', () => {
    const foreign = input('elsewhere', [2]);
    const mixed = (): unknown =>
      program('p', { inputs: { x: [2] } }, ({ x }) => ({ outputs: { y: x.add(foreign.exp()) } }));
    expect(build(mixed)).toBe("program 'p': a result depends on 'elsewhere', which belongs to no argument of it");
  });

  it('with an empty argument', () => {
    const empty = (): unknown => program('p', { inputs: { x: [0] } }, ({ x }) => ({ outputs: { x } }));
    expect(empty).toThrow("input 'x': wanted whole extents >= 1, got [0]");
  });
});

describe('checkFeeds', () => {
  const x = hostTensor([4, 3], new Float32Array(12));
  const y = hostTensor([4, 1], new Float32Array(4));
  const rate = hostTensor([], [0.1]);
  const refusal = (feeds: Parameters<typeof checkFeeds>[2], role: 'input' | 'state' = 'input'): string => {
    try {
      checkFeeds(sgd, role, feeds);
    } catch (error) {
      expect(error).toBeInstanceOf(FeedError);
      return (error as FeedError).message;
    }
    throw new Error('nothing was thrown');
  };

  it('accepts what fits', () => {
    expect(() => checkFeeds(sgd, 'input', { x, y, rate })).not.toThrow();
    expect(() => checkFeeds(sgd, 'input', { x, y, rate: hostTensor([], Float64Array.of(0.1)) })).not.toThrow();
    expect(() => checkFeeds(sgd, 'state', { steps: hostTensor([], [1], 'int32') })).not.toThrow();
    expect(() => checkFeeds(sgd, 'state', {})).not.toThrow();
  });

  it('says what is wrong', () => {
    expect(refusal({ x, y })).toBe("program 'sgd': input 'rate' (float32 []) is missing; it takes: x, y, rate");
    expect(refusal({ x, y, rate, z: x })).toBe("program 'sgd': unknown input 'z'; it takes: x, y, rate");
    expect(refusal({ w: x }, 'input')).toBe("program 'sgd': unknown input 'w'; it takes: x, y, rate");
    expect(refusal({ v: x }, 'state')).toBe("program 'sgd': unknown state 'v'; it takes: w, steps");
    expect(refusal({ x: y, y, rate })).toBe("program 'sgd': input 'x' is float32 [4, 3], got float32 [4, 1]");
    expect(refusal({ steps: rate }, 'state')).toBe("program 'sgd': state 'steps' is int32 [], got float32 []");
    expect(refusal({ x: { ...x, data: new Float32Array(3) }, y, rate })).toBe(
      "program 'sgd': input 'x' is float32 [4, 3], got a Float32Array of length 3",
    );
    expect(refusal({ x: { ...x, data: new Uint8Array(12) }, y, rate })).toBe(
      "program 'sgd': input 'x' is float32 [4, 3], got a Uint8Array of length 12",
    );
  });

  it('names of built-in object properties are unknown names', () => {
    expect(refusal({ toString: x })).toContain("unknown input 'toString'");
  });
});

describe('checkStateWritten', () => {
  it('names the state that is missing', () => {
    expect(() => checkStateWritten(sgd, new Set(['w', 'steps']))).not.toThrow();
    expect(() => checkStateWritten(sgd, new Set(['w']), ['w'])).not.toThrow();
    expect(() => checkStateWritten(sgd, new Set(['w']))).toThrow(
      "state 'steps' was never written; call writeState first",
    );
    expect(() => checkStateWritten(sgd, new Set(['w']), ['v'])).toThrow("unknown state 'v'");
  });
});

it('specText writes shape and dtype', () => {
  expect(specText({ shape: [2, 3], dtype: 'int32' })).toBe('int32 [2, 3]');
});
