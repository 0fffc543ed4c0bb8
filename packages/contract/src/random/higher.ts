import { full, gelu, geluTanh, hostTensor, jvp, logSigmoid, type Tensor } from '@flowmap/tensor';
import { at, normal, positive, type Case, type Sample } from '@flowmap/tensor/testing';
import fc from 'fast-check';
import { shape, shown } from './shapes.js';

type Draw = (shape: readonly number[]) => Sample;

/** Numbers in [1, 4): the eighth derivative of a reciprocal grows by powers towards zero. */
const large: Draw = (shape) => {
  const sample = positive(shape);
  return {
    ...sample,
    draw: (seed) =>
      hostTensor(
        shape,
        Float32Array.from(sample.draw(seed).data, (x) => 2 * x),
      ),
  };
};

/** Functions that have derivatives of all orders, and where. */
const smooth: Readonly<Record<string, readonly [Draw, (x: Tensor) => Tensor]>> = {
  exp: [normal, (x) => x.exp()],
  log: [large, (x) => x.log()],
  sqrt: [large, (x) => x.sqrt()],
  reciprocal: [large, (x) => full(1, [], x.dtype).div(x)],
  square: [normal, (x) => x.square()],
  sin: [normal, (x) => x.sin()],
  cos: [normal, (x) => x.cos()],
  tanh: [normal, (x) => x.tanh()],
  sigmoid: [normal, (x) => x.sigmoid()],
  silu: [normal, (x) => x.silu()],
  softplus: [normal, (x) => x.softplus()],
  erf: [normal, (x) => x.erf()],
  erfc: [normal, (x) => x.erfc()],
  gelu: [normal, gelu],
  geluTanh: [normal, geluTanh],
  logSigmoid: [normal, logSigmoid],
};

/** A derivative of the given order in the direction of all ones. */
function derivative(f: (x: Tensor) => Tensor, order: number): (x: Tensor) => Tensor {
  if (order === 0) return f;
  const lower = derivative(f, order - 1);
  return (x) => jvp(lower, [x], [full(1, x.shape, x.dtype)])[1];
}

/** Third and fourth derivatives of smooth functions; the derivatives of these go up to the sixth order. */
export const higher: fc.Arbitrary<Case> = fc
  .tuple(fc.constantFrom(...Object.entries(smooth)), fc.integer({ min: 3, max: 4 }), shape())
  .map(([[name, [draw, f]], order, shape]) =>
    at(`derivative ${order} of ${name} of ${shown(shape)}`, [draw(shape)], derivative(f, order)),
  );
