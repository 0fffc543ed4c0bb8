import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, expect, it } from 'vitest';
import { DTypeError } from '../errors.js';
import { linear } from '../library/functions.js';
import { isFloat, type HalfDType } from '../graph/dtype.js';
import { roundTo } from '../graph/half.js';
import { hostTensor, type HostTensor } from '../runtime/host-tensor.js';
import { jvp } from './jvp.js';
import { layerNorm } from '../library/norms.js';
import { input, reachable, type Tensor } from '../graph/tensor.js';
import { evaluate } from '../testing/evaluate.js';
import { halfCases } from '../testing/cases/halves.js';
import { derivativesOf, ofFloats } from '../testing/derivatives.js';
import { grad, vjp } from './vjp.js';

const runtime = referenceRuntime();
const halves: readonly HalfDType[] = ['float16', 'bfloat16'];

describe.each(halves)('%s', (half) => {
  const x = hostTensor([2, 3], [0.1, -0.7, 1.3, 2.1, 0.4, -1.9]);
  const w = hostTensor([3, 2], [0.3, -1.1, 0.8, 0.2, -0.5, 0.9]);

  /** Products in the half, sums and parameters in float32. */
  const loss = (x: Tensor, w: Tensor): Tensor => {
    const hidden = linear(x.cast(half), w.cast(half)).silu();
    return layerNorm(hidden).cast('float32').square().mul(0.5).sum().add(hidden.cast('float32').sum());
  };

  it('gives tangents and cotangents of the dtype of their primals, in every case of the contract', () => {
    const cases = Object.values(halfCases(half)).flat();
    expect(cases.length).toBeGreaterThan(200);
    for (const { args, f, name } of cases) {
      const primals = args.map(({ shape, dtype }) => input('x', shape, dtype));
      const { floats } = ofFloats(f, primals);
      const directions = floats.map(({ shape, dtype }) => input('v', shape, dtype));
      const value = f(...primals);
      const cotangent = input('u', value.shape, isFloat(value.dtype) ? value.dtype : 'float32');
      for (const { label, tensor } of derivativesOf(f, primals, directions, cotangent)) {
        const index = Number(/\d+$/.exec(label)?.[0]);
        expect(tensor.dtype, `${name}: ${label}`).toBe(Number.isNaN(index) ? value.dtype : floats[index]!.dtype);
      }
    }
  });

  it('multiplies only halves, and has float32 gradients, in a mixed loss', () => {
    const [a, b] = [input('x', [2, 3]), input('w', [3, 2])];
    const gradients = grad(loss, [a, b]);
    expect(gradients.map(({ dtype }) => dtype)).toEqual(['float32', 'float32']);
    const products = reachable(gradients).filter((node) => node.is('matmul'));
    expect(products.length).toBeGreaterThanOrEqual(3);
    expect(new Set(products.map(({ dtype }) => dtype))).toEqual(new Set([half]));
  });

  it('differs from float32 by rounding, in a mixed loss and its derivatives of both orders', async () => {
    const results = async (f: (x: Tensor, w: Tensor) => Tensor): Promise<HostTensor[]> =>
      evaluate(
        runtime,
        (x, w) => {
          const gradient = (x: Tensor): Tensor => grad(f, [x, w])[0]!;
          return [f(x, w), ...grad(f, [x, w]), jvp(f, [x, w], [x, undefined])[1], jvp(gradient, [x], [x])[1]];
        },
        [x, w],
      );
    const wide = (x: Tensor, w: Tensor): Tensor => {
      const hidden = linear(x, w).silu();
      return layerNorm(hidden).square().mul(0.5).sum().add(hidden.sum());
    };
    const [got, wanted] = [await results(loss), await results(wide)];
    // About twenty roundings of numbers of magnitude one.
    const accepted = 20 * (half === 'float16' ? 2 ** -11 : 2 ** -8);
    got.forEach(({ data }, i) =>
      data.forEach((value, j) => expect(Math.abs(value - wanted[i]!.data[j]!)).toBeLessThan(accepted)),
    );
    expect(got[0]!.data).not.toEqual(wanted[0]!.data);
  });

  it('rounds every result once, whatever it sums', async () => {
    const third = roundTo(1 / 3, half);
    const many = hostTensor([1000], new Array<number>(1000).fill(1 / 3), half);
    const f = (x: Tensor): Tensor[] => [x.mul(x), x.sum(), x.reshape([1, 1000]).matmul(x.reshape([1000, 1])), x.exp()];
    const [square, sum, product, exponential] = await evaluate(runtime, f, [many]);
    expect(square!.data[0]).toBe(roundTo(third * third, half));
    expect(sum!.data[0]).toBe(roundTo(1000 * third, half));
    expect(product!.data[0]).toBe(roundTo(1000 * third * third, half));
    expect(exponential!.data[0]).toBe(roundTo(Math.exp(third), half));
  });

  it('casts tangents forward and cotangents back, each rounded', async () => {
    const [value, tangent, pulled] = await evaluate(
      runtime,
      (x) => {
        const f = (x: Tensor): Tensor => x.cast(half).cast('float32');
        const [value, tangent] = jvp(f, [x], [x]);
        return [value, tangent, vjp(f, [x])[1](x)[0]!];
      },
      [hostTensor([2], [1 / 3, -7])],
    );
    for (const { data } of [value!, tangent!, pulled!]) expect(Array.from(data)).toEqual([roundTo(1 / 3, half), -7]);
  });

  it('has no derivative through int32 or bool', async () => {
    const f = (x: Tensor): Tensor => x.cast('int32').cast(half).mul(3).add(x.cast('bool').cast(half)).sum();
    const [gradient] = await evaluate(runtime, (x) => grad(f, [x]), [hostTensor([2], [1.5, 2.5], half)]);
    expect(gradient).toEqual({ shape: [2], dtype: half, data: Float32Array.of(0, 0) });
  });

  it('refuses a direction or a cotangent of another dtype', () => {
    const [x, h] = [input('x', [2]), input('h', [2], half)];
    expect(() => jvp((y) => y.sin(), [h], [x])).toThrow(DTypeError);
    expect(() => jvp((y) => y.sin(), [h], [x])).toThrow(
      /jvp, tangent 0: wanted .* of its dtype, got .*float16 and float32/,
    );
    expect(() => vjp((y) => y.sin(), [h])[1](x)).toThrow(/vjp, cotangent: wanted the dtype of the value/);
  });
});
