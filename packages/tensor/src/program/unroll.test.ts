import { describe, expect, test } from 'vitest';
import { ConfigError } from '../errors.js';
import { formatProgram, program } from './program.js';
import { unroll } from './unroll.js';

const decay = program('decay', { inputs: { x: [2], rate: [] }, state: { w: [2], scale: [2] } }, ({ x, rate }, s) => {
  const w = s.w.mul(rate).add(x);
  return { outputs: { w, norm: s.scale.exp() }, state: { w } };
});

describe('unroll', () => {
  test('chains the state, and computes once what no step changes', () => {
    expect(formatProgram(unroll(decay, 2)).split('\n')).toEqual([
      "%0 = input 'x' : float32 [2, 2]",
      "%1 = input 'rate' : float32 [2]",
      "%2 = input 'w' : float32 [2]",
      "%3 = input 'scale' : float32 [2]",
      '%4 = slice %0 {"starts":[0,0],"ends":[1,2]} : float32 [1, 2]',
      '%5 = reshape %4 : float32 [2]',
      '%6 = slice %1 {"starts":[0],"ends":[1]} : float32 [1]',
      '%7 = reshape %6 : float32 []',
      '%8 = mul %2 %7 : float32 [2]',
      '%9 = add %8 %5 : float32 [2]',
      '%10 = exp %3 : float32 [2]',
      '%11 = reshape %9 : float32 [1, 2]',
      '%12 = reshape %10 : float32 [1, 2]',
      '%13 = slice %0 {"starts":[1,0],"ends":[2,2]} : float32 [1, 2]',
      '%14 = reshape %13 : float32 [2]',
      '%15 = slice %1 {"starts":[1],"ends":[2]} : float32 [1]',
      '%16 = reshape %15 : float32 []',
      '%17 = mul %9 %16 : float32 [2]',
      '%18 = add %17 %14 : float32 [2]',
      '%19 = reshape %18 : float32 [1, 2]',
      '%20 = concat %11 %19 {"axis":0} : float32 [2, 2]',
      '%21 = concat %12 %12 {"axis":0} : float32 [2, 2]',
      'return w = %20',
      'return norm = %21',
      'state w = %18',
    ]);
  });

  test('keeps the name and the state, and stacks inputs and outputs', () => {
    const { name, inputs, state, outputs, updates } = unroll(decay, 5);
    expect(name).toBe('decay');
    expect(inputs).toEqual({ x: { shape: [5, 2], dtype: 'float32' }, rate: { shape: [5], dtype: 'float32' } });
    expect(state).toEqual(decay.state);
    expect(outputs['norm']!.shape).toEqual([5, 2]);
    expect(Object.keys(updates)).toEqual(['w']);
  });

  test('returns the program itself for one step, and refuses an invalid number of steps', () => {
    expect(unroll(decay, 1)).toBe(decay);
    expect(() => unroll(decay, 0)).toThrow(ConfigError);
    expect(() => unroll(decay, 2.5)).toThrow('stepsPerRun: wanted a whole number >= 1, got 2.5');
  });
});
