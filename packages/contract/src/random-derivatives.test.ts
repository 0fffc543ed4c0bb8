import { referenceRuntime } from '@flowmap/runtime-reference';
import {
  constant,
  input,
  isFloat,
  normals,
  reachable,
  simplify,
  sizeOf,
  type HostTensor,
  type Shape,
  type Tensor,
  type Tensors,
} from '@flowmap/tensor';
import type { Case } from '@flowmap/tensor/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allDerivatives } from './random/derivatives.js';
import { families } from './random/families.js';
import { withSpecials } from './random/variants.js';

const runtime = referenceRuntime();

/** Distance of the inner points of a central difference. */
const step = 1e-3;

const random = (shape: Shape, purpose: string, sample = 0): Tensor =>
  constant(normals({ seed: 0, purpose, sample }, sizeOf(shape)), shape);

/**
 * A case with its derivatives along random directions `v` and for a random cotangent `u`, by their labels; `difference`
 * is a four-point central difference, and `v 0`, `v 1`, … and `u` are the random draws.
 */
function derivatives(f: Case['f'], xs: readonly Tensor[]): Tensors {
  const directions = xs.map((x, i) => (isFloat(x.dtype) ? random(x.shape, 'v', i) : undefined));
  const u = random(f(...xs).shape, 'u');
  const drawn = directions.filter((v) => v !== undefined);
  const results = allDerivatives(f, xs, drawn, u);
  if (results.length === 1) return Object.fromEntries(results);
  const moved = (h: number): Tensor => f(...xs.map((x, i) => (directions[i] ? x.add(directions[i].mul(h)) : x)));
  const [near, far] = [moved(step).sub(moved(-step)), moved(2 * step).sub(moved(-2 * step))];
  const difference = near
    .mul(8)
    .sub(far)
    .div(12 * step);
  return {
    ...Object.fromEntries([...results, ...drawn.map((v, i) => [`v ${i}`, v] as const)]),
    u,
    difference,
  };
}

/** The values of a case and its derivatives, from the graph as traced and from the simplified one. */
async function evaluated({ args, f }: Case): Promise<Record<'plain' | 'simplified', Record<string, HostTensor>>> {
  const names = args.map((_, i) => `x${i}`);
  const inputs = Object.fromEntries(names.map((name, i) => [name, args[i]!]));
  const feeds = Object.fromEntries(names.map((name, i) => [name, args[i]!.draw(i)]));
  const plain = derivatives(
    f,
    names.map((name, i) => input(name, args[i]!.shape, args[i]!.dtype)),
  );
  const simple = simplify(Object.values(plain));
  const simplified = Object.fromEntries(Object.keys(plain).map((label, i) => [label, simple[i]!]));
  const run = async (outputs: Tensors): Promise<Record<string, HostTensor>> => {
    const nodes = reachable(Object.values(outputs));
    const executable = await runtime.compile({ name: 'case', inputs, state: {}, outputs, updates: {}, nodes });
    const results: Record<string, HostTensor> = {};
    for (const [label, tensor] of Object.entries(await executable.run(feeds))) results[label] = await tensor.read();
    return results;
  };
  return { plain: await run(plain), simplified: await run(simplified) };
}

function dot(a: HostTensor, b: HostTensor): { readonly sum: number; readonly size: number } {
  const products = Array.from(a.data, (x, i) => x * b.data[i]!);
  return {
    sum: products.reduce((total, product) => total + product, 0),
    size: products.reduce((total, product) => total + Math.abs(product), 0),
  };
}

/** The largest difference relative to the largest wanted number, or to 1. */
function error(got: HostTensor, wanted: HostTensor): number {
  expect(got.data.length).toBe(wanted.data.length);
  const scale = Math.max(1, ...Array.from(wanted.data, Math.abs));
  return Math.max(...Array.from(got.data, (x, i) => Math.abs(x - wanted.data[i]!))) / scale;
}

describe('random cases in double precision', () => {
  test.each(Object.entries(families))('%s', async (_, family) => {
    await fc.assert(
      fc.asyncProperty(family, async (case_) => {
        const { plain, simplified: results } = await evaluated(case_);
        const value = results['value']!;
        const inferred = case_.f(...case_.args.map(({ shape, dtype }) => input('x', shape, dtype)));
        expect([value.shape, value.dtype]).toEqual([inferred.shape, inferred.dtype]);
        expect(value.data.length, 'as many values as the shape has').toBe(sizeOf(inferred.shape));
        for (const [label, tensor] of Object.entries(results)) {
          // Different orders of the same operations; for the four-point difference these errors are divided by the
          // step.
          const accepted = label === 'difference' ? 1e-8 : 1e-11;
          expect(error(tensor, plain[label]!), `${label}, simplified`).toBeLessThan(accepted);
        }
        if (!results['jvp']) return;

        // With four points the difference is off by step^4 / 30 = 3e-14 fifth derivatives and by rounding of 1e-13
        // values.
        expect(error(results['jvp'], results['difference']!), 'JVP against differences').toBeLessThan(1e-8);

        const forward = dot(results['u']!, results['jvp']);
        let [reverse, size] = [0, forward.size];
        for (let i = 0; results[`v ${i}`]; i++) {
          const part = dot(results[`vjp ${i}`]!, results[`v ${i}`]!);
          reverse += part.sum;
          size += part.size;
        }
        expect(Math.abs(forward.sum - reverse), '<u, J v> = <J^T u, v>').toBeLessThanOrEqual(1e-12 * Math.max(size, 1));

        // The Hessian of <u, f> times v, by reverse over forward, forward over reverse and reverse over reverse.
        const twice = dot(results['u']!, results['jvp of jvp']!);
        let [curvature, scale] = [0, twice.size];
        for (let i = 0; results[`v ${i}`]; i++) {
          const hessian = results[`grad of jvp, ${i}`]!;
          for (const label of [`jvp of vjp ${i}`, `grad of vjp, ${i}`]) {
            expect(error(results[label]!, hessian), `symmetry of the second derivative, ${label}`).toBeLessThan(1e-11);
          }
          const part = dot(hessian, results[`v ${i}`]!);
          curvature += part.sum;
          scale += part.size;
        }
        const difference = Math.abs(twice.sum - curvature);
        expect(difference, '<u, D2f(v, v)> = <D2<u, f> v, v>').toBeLessThanOrEqual(1e-11 * Math.max(scale, 1));
      }),
      { seed: 1, numRuns: 25 },
    );
  });
});

// A NaN of the program as written may be a number when simplified: zeros are symbolic, so 0 x and 0 / x are 0.
describe('random cases with special values, simplified', () => {
  const smooth = Object.entries(families).filter(([name]) => name !== 'indexing');
  test.each(smooth)('%s', async (_, family) => {
    for (const case_ of fc.sample(family, { seed: 2, numRuns: 12 })) {
      const { plain, simplified } = await evaluated(withSpecials(case_));
      for (const [label, { data }] of Object.entries(plain)) {
        const got = simplified[label]!.data;
        const different = Array.from(data).findIndex((value: number, i) => {
          if (Number.isNaN(value) || value === got[i]) return false;
          return !(Math.abs(value - got[i]!) <= 1e-11 * Math.max(1, Math.abs(value)));
        });
        expect(different === -1 ? '' : `${data[different]!} became ${got[different]!}`, `${case_.name}, ${label}`).toBe(
          '',
        );
      }
    }
  });
});
