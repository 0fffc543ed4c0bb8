import { expect } from 'vitest';
import type { HostTensor } from '../runtime/host-tensor.js';
import { jvp } from '../autodiff/jvp.js';
import { normals } from '../random/random.js';
import type { Runtime } from '../runtime/runtime.js';
import { sizeOf, type Shape } from '../graph/shape.js';
import { constant, type Tensor } from '../graph/tensor.js';
import { vjp } from '../autodiff/vjp.js';
import { relativeError } from './compare.js';
import { ofFloats } from './derivatives.js';
import { evaluate } from './evaluate.js';
import { requireKnownOptions } from '../options.js';

/** How derivatives are checked. */
export interface DerivativeCheck {
  /** Computes in double precision: differences in float32 are too coarse to detect a wrong derivative. */
  readonly runtime: Runtime;
  /** 2 also checks the derivatives of the JVP and of the VJP; 1 unless given. */
  readonly order?: 1 | 2;
  /** Chooses the random direction and cotangent; 0 unless given. */
  readonly seed?: number;
  /**
   * Accepted error of a central difference, relative to the largest derivative (or 1); 1e-8 unless given. With four
   * points and a step of 1e-3 the difference is off by `step^4 / 30` = 3e-14 fifth derivatives and by rounding of
   * `1e-16 / step` = 1e-13 values, so 1e-8 allows for fifth derivatives and values in the ten thousands.
   */
  readonly tolerance?: number;
}

/** Distance of the nearer points of a central difference. */
const step = 1e-3;

/**
 * Checks the derivatives of a function along one random direction `v` and for one random cotangent `u`, in double
 * precision:
 *
 * - the value returned with a JVP and with a VJP is the function's value;
 * - `J v` is the central difference `(8 (f(x + h v) - f(x - h v)) - (f(x + 2 h v) - f(x - 2 h v))) / (12 h)`;
 * - `<u, J v> = <J^T u, v>`.
 *
 * With order 2 the same is checked of `x -> J v` and of `x -> <w, J^T u>`. Arguments that are not float32 are held
 * fixed.
 *
 * @param f function of one tensor per argument, with a float32 result, smooth at the point
 * @param args the point
 * @throws {AssertionError} naming the derivative that is wrong: `JVP of VJP of f: ...`
 *
 * @example
 * await checkDerivatives((x) => x.sin(), [hostTensor([3], [1, 2, 3])], { runtime: referenceRuntime(), order: 2 });
 */
export async function checkDerivatives(
  f: (...args: Tensor[]) => Tensor,
  args: readonly HostTensor[],
  options: DerivativeCheck,
): Promise<void> {
  requireKnownOptions('checkDerivatives', options, { runtime: true, order: true, seed: true, tolerance: true });
  const { runtime, order = 1, seed = 0, tolerance = 1e-8 } = options;
  expect(runtime.precision, 'checkDerivatives needs a runtime of double precision').toBe('float64');
  await checkOrder('f', f, args, { runtime, order, seed, tolerance });
}

async function checkOrder(
  name: string,
  f: (...args: Tensor[]) => Tensor,
  args: readonly HostTensor[],
  check: Required<DerivativeCheck>,
): Promise<void> {
  const { runtime, order, seed, tolerance } = check;
  const floats = args.filter(({ dtype }) => dtype === 'float32');
  const random = (shape: Shape, purpose: string, sample = 0): Tensor =>
    constant(normals({ seed, purpose: `${name}: ${purpose}`, sample }, sizeOf(shape)), shape);
  const directions = floats.map(({ shape }, i) => random(shape, 'direction', i));

  const found = await evaluate(
    runtime,
    (...xs) => {
      const { floats, g } = ofFloats(f, xs);
      const shifted = (h: number): Tensor => g(...floats.map((x, i) => x.add(directions[i]!.mul(h))));
      const [near, far] = [shifted(step).sub(shifted(-step)), shifted(2 * step).sub(shifted(-2 * step))];
      const span = 12 * step;
      const [value, tangent] = jvp(g, floats, directions);
      const [vjpValue, pullback] = vjp(g, floats);
      const cotangent = random(value.shape, 'cotangent');
      const pulled = pullback(cotangent).map((bar, i) => bar.mul(directions[i]!).sum());
      return {
        value: g(...floats),
        jvpValue: value,
        vjpValue,
        tangent,
        difference: near.mul(8).sub(far).div(span),
        forward: tangent.mul(cotangent).sum(),
        reverse: pulled.reduce((total, term) => total.add(term)),
      };
    },
    args,
  );
  const close = (quantity: string, a: HostTensor, b: HostTensor, accepted: number): void => {
    const message = `${quantity} of ${name}: [${b.data.subarray(0, 4).join(', ')}] wanted, [${a.data.subarray(0, 4).join(', ')}] got`;
    expect(a.shape, message).toEqual(b.shape);
    expect(relativeError(a.data, b.data), message).toBeLessThanOrEqual(accepted);
  };
  close('value beside JVP', found.jvpValue, found.value, 0);
  close('value beside VJP', found.vjpValue, found.value, 0);
  close('JVP', found.tangent, found.difference, tolerance);
  // Two ways to sum the same products: only rounding differs.
  close('VJP', found.reverse, found.forward, 1e-11);

  if (order === 1) return;
  const next = { ...check, order: 1 as const };
  const alongDirection = (...xs: Tensor[]): Tensor => {
    const { floats, g } = ofFloats(f, xs);
    return jvp(g, floats, directions)[1];
  };
  await checkOrder(`JVP of ${name}`, alongDirection, args, next);
  const pulledBack = (...xs: Tensor[]): Tensor => {
    const { floats, g } = ofFloats(f, xs);
    const [value, pullback] = vjp(g, floats);
    const bars = pullback(random(value.shape, 'cotangent'));
    return bars.map((bar, i) => bar.mul(random(bar.shape, 'weight', i)).sum()).reduce((total, term) => total.add(term));
  };
  await checkOrder(`VJP of ${name}`, pulledBack, args, next);
}
