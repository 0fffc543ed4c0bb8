import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, expect, it } from 'vitest';
import { stopGradient } from '../library/functions.js';
import { hostTensor, type HostTensor } from '../runtime/host-tensor.js';
import type { Program } from '../program/program.js';
import type { DeviceTensor, Runtime } from '../runtime/runtime.js';
import type { Tensor } from '../graph/tensor.js';
import { at } from './case.js';
import { primitiveCases } from './cases/primitives.js';
import { checkDerivatives } from './check-derivatives.js';
import { errorsOf, mismatch, relativeError } from './compare.js';
import { evaluate } from './evaluate.js';
import { distinct, normal } from './samples.js';
import { compareSpecialValues, type SpecialResult } from './special/compare.js';
import { specialLimitOf } from './special/limits.js';
import { disagreements } from './suite.js';

const runtime = referenceRuntime();

/** The reference runtime, with one value of one result off by a given amount. */
function faulty(
  amount: number,
  output: (program: Program) => string,
  precision: Runtime['precision'] = 'float32',
): Runtime {
  return {
    ...runtime,
    name: 'faulty',
    precision,
    compile: async (program) => {
      const executable = await runtime.compile(program);
      return {
        ...executable,
        run: async (feeds) => {
          const outputs = await executable.run(feeds);
          const name = output(program);
          const right = outputs[name]!;
          const wrong: DeviceTensor = {
            ...right,
            read: async () => {
              const host = await right.read();
              host.data[host.data.length - 1]! += amount;
              return host;
            },
          };
          return { ...outputs, [name]: wrong };
        },
      };
    },
  };
}

describe('the contract of runtimes', () => {
  it('finds one wrong number in any result, and says which', async () => {
    const cases = [at('a product', [normal([3]), normal([3])], (a, b) => a.mul(b).mul(b))];
    for (let i = 0; i < 8; i++) {
      const found = await disagreements(
        'mul',
        cases,
        faulty(1e-3, ({ outputs }) => Object.keys(outputs)[i]!),
        runtime,
        1,
      );
      expect(found).toHaveLength(1);
      expect(found[0]).toMatch(/^a product: .*: relative error .* > /);
    }
  });

  it('accepts errors within the tolerance, and a wider one on request', async () => {
    const cases = primitiveCases.add;
    const off = (amount: number): Runtime => faulty(amount, () => 'y0_1');
    expect(await disagreements('add', cases, off(1e-6), runtime, 1)).toEqual([]);
    expect(await disagreements('add', cases, off(1e-4), runtime, 1)).toHaveLength(1);
    expect(await disagreements('add', cases, off(1e-4), runtime, 100)).toEqual([]);
    expect(
      await disagreements(
        'add',
        cases,
        faulty(1e-6, () => 'y0_1', 'float64'),
        runtime,
        1,
      ),
    ).toHaveLength(1);
  });
});

describe('special numbers', () => {
  const changed = (change: (value: number) => number): Runtime => ({
    ...runtime,
    dtypes: ['float32'],
    compile: async (program) => {
      const executable = await runtime.compile(program);
      const read = (tensor: DeviceTensor) => async (): Promise<HostTensor> => {
        const host = await tensor.read();
        return { ...host, data: host.data.map(change) };
      };
      return {
        ...executable,
        run: async (feeds) => {
          const outputs = Object.entries(await executable.run(feeds));
          return Object.fromEntries(outputs.map(([name, tensor]) => [name, { ...tensor, read: read(tensor) }]));
        },
      };
    },
  });
  const compared = async (change: (value: number) => number): Promise<readonly SpecialResult[]> =>
    compareSpecialValues(changed(change), runtime);

  it('says where NaN or an infinity is lost, and for which operands', async () => {
    const ofNaN = (await compared((x) => (Number.isNaN(x) ? 0 : x))).flatMap(({ differences }) => differences);
    expect(ofNaN).toContain('sign, float32, each, NaN wanted: NaN became 0 of NaN; 2 of 34 differ');
    expect(ofNaN.every((text) => text.includes('NaN wanted'))).toBe(true);
    const ofInfinity = await compared((x) => (x === Infinity ? 1 : x));
    expect(ofInfinity.find(({ primitive }) => primitive === 'exp')!.differences).toHaveLength(1);
  });

  it('accepts zeros for denormals, and says so', async () => {
    const results = await compared((x) => (Math.abs(x) < 2 ** -126 ? 0 : x));
    expect(results.flatMap(({ differences }) => differences)).toEqual([]);
    expect(results.find(({ primitive }) => primitive === 'mul')!.flushes).toBe(true);
    expect(results.find(({ primitive }) => primitive === 'sign')!.flushes).toBe(false);
  });

  it('excuses a runtime only where a limit is known', () => {
    const lost = 'exp, float32, each, NaN wanted: NaN became Infinity of NaN; 2 of 34 differ';
    expect(specialLimitOf('onnx (webgpu)', lost)?.reason).toMatch(/neither NaN nor infinity/);
    expect(specialLimitOf('onnx (webgpu)', lost.replace('NaN wanted', 'a number wanted'))).toBeUndefined();
    expect(specialLimitOf('onnx (cpu)', lost)).toBeUndefined();
    const mine = { runtime: /^mine$/, result: /^exp/, reason: 'a table' };
    expect(specialLimitOf('mine', lost, [mine])).toBe(mine);
  });
});

describe('mismatch', () => {
  const floats = (...values: number[]): ReturnType<typeof hostTensor> => hostTensor([values.length], values);

  it('requires infinities and NaN in the same places', () => {
    expect(mismatch(floats(1, Infinity, NaN), floats(1, Infinity, NaN), 0)).toBeUndefined();
    expect(mismatch(floats(1, Infinity), floats(1, -Infinity), 1)).toBeDefined();
    expect(mismatch(floats(1, NaN), floats(1, 0), 1)).toBeDefined();
    expect(mismatch(floats(1, 0), floats(1, NaN), 1)).toBeDefined();
    expect(mismatch(floats(1, 3e38), floats(1, Infinity), 1)).toBeDefined();
  });

  it('requires whole numbers to be exact, and shapes and dtypes to be equal', () => {
    const ints = (...values: number[]): ReturnType<typeof hostTensor> =>
      hostTensor([values.length], Int32Array.from(values));
    expect(mismatch(ints(1, 2), ints(1, 2), 0)).toBeUndefined();
    expect(mismatch(ints(1_000_000, 2), ints(1_000_000, 3), 1)).toBeDefined();
    expect(mismatch(ints(1), floats(1), 1)).toBe('wanted float32 [1], got int32 [1]');
    expect(mismatch(floats(1), hostTensor([1, 1], [1]), 1)).toBe('wanted float32 [1, 1], got float32 [1]');
    expect(mismatch({ ...floats(1, 2), shape: [1] }, floats(1), 1)).toBe('wanted 1 values, got 2');
  });

  it('reports absolute errors and errors relative to the largest magnitude, however small', () => {
    expect(errorsOf([0.25, 0], [0.125, 0])).toEqual({ absolute: 0.125, relative: 1 });
    expect(errorsOf([0, Infinity, NaN], [0, Infinity, NaN])).toEqual({ absolute: 0, relative: 0 });
    expect(errorsOf([1, 0], [1, NaN]).absolute).toBe(Infinity);
  });

  it('measures errors against the largest expected magnitude', () => {
    expect(relativeError([1000.5, 0], [1000, 0])).toBeCloseTo(5e-4);
    expect(relativeError([0.5], [0.25])).toBe(0.25);
    expect(relativeError([3, Infinity], [2, Infinity])).toBe(0.5);
  });
});

describe('checkDerivatives', () => {
  const point = [hostTensor([3], [0.5, -1, 2])];

  it('accepts correct derivatives', async () => {
    await checkDerivatives((x) => x.sin().mul(x.exp()), point, { runtime, order: 2 });
  });

  it('finds a derivative that is missing', async () => {
    // The value is x^2, the derivative that of x times a constant.
    const wrong = checkDerivatives((x) => x.mul(stopGradient(x)), point, { runtime });
    await expect(wrong).rejects.toThrow(/JVP of f/);
  });

  it('finds a second derivative that is missing, and names it', async () => {
    const f = (x: Tensor): Tensor => {
      const at = stopGradient(x);
      // Value x^2 and first derivative 2 x, whose derivative is lost.
      return at.square().add(x.sub(at).mul(at.mul(2)));
    };
    await checkDerivatives(f, point, { runtime, order: 1 });
    await expect(checkDerivatives(f, point, { runtime, order: 2 })).rejects.toThrow(/^JVP of JVP of f/);
  });

  it('refuses a runtime of single precision', async () => {
    const single: Runtime = { ...runtime, precision: 'float32' };
    await expect(checkDerivatives((x) => x, point, { runtime: single })).rejects.toThrow(/double precision/);
  });
});

describe('evaluate', () => {
  it('arranges results as the function does', async () => {
    const x = hostTensor([2], [1, 2]);
    expect((await evaluate(runtime, (x) => x.mul(2), [x])).data).toEqual(Float64Array.of(2, 4));
    const list = await evaluate(runtime, (x) => [x, x.sum()], [x]);
    expect(list.map(({ shape }) => shape)).toEqual([[2], []]);
    const record = await evaluate(runtime, (x) => ({ a: x.neg(), b: x.max() }), [x]);
    expect(record.a.data).toEqual(Float64Array.of(-1, -2));
    expect(record.b.data).toEqual(Float64Array.of(2));
  });
});

it('distinct samples are distinct, and so are shifted ones', () => {
  const a = distinct([20]).draw(1).data;
  const b = distinct([20], 0.125).draw(2).data;
  expect(new Set([...a, ...b]).size).toBe(40);
});
