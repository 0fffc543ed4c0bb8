import { describe, expect, it, vi } from 'vitest';
import * as errors from './errors.js';

vi.resetModules();
const copy = await import('./errors.js');

const dtypeError = new copy.UnsupportedDTypeError('onnx', 'step', 'float16', "input 'x'", ['float32']);

describe('errors of another copy of the package', () => {
  it('come from other classes', () => {
    expect(copy.FlowmapError).not.toBe(errors.FlowmapError);
    expect(Object.getPrototypeOf(dtypeError)).not.toBe(errors.UnsupportedDTypeError.prototype);
  });

  it('are instances of their class and its base classes', () => {
    expect(dtypeError).toBeInstanceOf(errors.UnsupportedDTypeError);
    expect(dtypeError).toBeInstanceOf(errors.UnsupportedError);
    expect(dtypeError).toBeInstanceOf(errors.FlowmapError);
    expect(dtypeError).toBeInstanceOf(Error);
  });

  it('are not instances of other classes, nor of classes derived from theirs', () => {
    expect(dtypeError).not.toBeInstanceOf(errors.DTypeError);
    expect(new copy.UnsupportedError('onnx', 'erf', 'use another')).not.toBeInstanceOf(errors.UnsupportedDTypeError);
    expect(new copy.FlowmapError('alone')).not.toBeInstanceOf(errors.ProgramError);
  });

  it('are told apart by classes that they do not know', () => {
    class HereError extends errors.ProgramError {}
    class ThereError extends copy.ProgramError {}
    expect(new ThereError('step', 'is wrong')).toBeInstanceOf(errors.ProgramError);
    expect(new ThereError('step', 'is wrong')).not.toBeInstanceOf(HereError);
  });

  it('are not compared by names that a minifier has shortened', () => {
    const shortened = (base: typeof errors.FlowmapError): typeof errors.FlowmapError => {
      const e = class extends base {};
      return Object.defineProperty(e, 'name', { value: 'e' });
    };
    const [here, there] = [shortened(errors.FlowmapError), shortened(copy.FlowmapError)];
    expect(new there('mine')).toBeInstanceOf(there);
    expect(new there('mine')).not.toBeInstanceOf(here);
  });
});

it('anything but an error of the family is an instance of none of its classes', () => {
  class ShapeError extends Error {}
  const strangers = [new ShapeError('mine'), new Error('plain'), { name: 'ShapeError' }, 'ShapeError', null, undefined];
  for (const stranger of strangers) {
    expect(stranger instanceof errors.ShapeError).toBe(false);
    expect(stranger instanceof errors.FlowmapError).toBe(false);
  }
});

it('an error shows its name and fields, and no mark', () => {
  expect(dtypeError.name).toBe('UnsupportedDTypeError');
  expect(String(dtypeError)).toMatch(/^UnsupportedDTypeError: onnx: float16/);
  expect(Reflect.ownKeys(dtypeError).filter((key) => typeof key === 'symbol')).toHaveLength(1);
  expect(Object.keys(dtypeError)).toEqual(['name', 'runtime', 'feature', 'program', 'dtype', 'tensor', 'supported']);
});
