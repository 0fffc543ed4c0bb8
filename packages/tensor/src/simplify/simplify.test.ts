import { referenceRuntime } from '@flowmap/runtime-reference';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../errors.js';
import { concat, select, stopGradient } from '../library/functions.js';
import { hostTensor, type HostTensor } from '../runtime/host-tensor.js';
import { jvp } from '../autodiff/jvp.js';
import type { Program } from '../program/program.js';
import { uniforms } from '../random/random.js';
import { sameShape, sizeOf, type Shape } from '../graph/shape.js';
import { simplify } from './simplify.js';
import { bind, constant, input, reachable, full, type Tensor } from '../graph/tensor.js';
import { relativeError } from '../testing/compare.js';
import { primitiveCases } from '../testing/cases/primitives.js';
import { grad } from '../autodiff/vjp.js';

const runtime = referenceRuntime();

/** The outputs as a program, simplified or as they are. */
function programOf(outputs: readonly Tensor[], simplified: boolean): Program {
  const results = simplified ? simplify(outputs) : outputs;
  const nodes = reachable(results);
  const inputs = nodes.flatMap((node) => (node.is('input') ? [[node.attributes.name, node] as const] : []));
  return {
    name: simplified ? 'simplified' : 'plain',
    inputs: Object.fromEntries(inputs.map(([name, { shape, dtype }]) => [name, { shape, dtype }])),
    state: {},
    outputs: Object.fromEntries(results.map((tensor, i) => [String(i), tensor])),
    updates: {},
    nodes,
  };
}

async function run(built: Program, feeds: Readonly<Record<string, HostTensor>>): Promise<HostTensor[]> {
  const executable = await runtime.compile(built);
  const needed = Object.fromEntries(Object.entries(feeds).filter(([name]) => name in built.inputs));
  const outputs = await executable.run(needed);
  return Promise.all(Object.keys(built.outputs).map((name) => outputs[name]!.read()));
}

/** Makes a tensor from two of the pool, or nothing if the shapes do not fit. */
type Instruction = (a: Tensor, b: Tensor, n: number) => Tensor;

// Whole numbers go in and only whole numbers come out, so values are exact, and equal values bit-identical.
const instructions: readonly Instruction[] = [
  (a, b) => a.add(b),
  (a, b) => a.sub(b),
  (a, b) => a.sub(a.sub(b)),
  (a, b) => a.mul(b),
  (a, b) => a.maximum(b),
  (a, b) => a.minimum(b),
  (a, b) => select(a.less(b), a, b),
  (a, b) => select(a.equal(b), b, a.neg()),
  (a, _, n) => select(full(n % 2, a.shape, 'bool'), a, 3),
  (a) => a.neg(),
  (a) => a.abs(),
  (a) => a.sign(),
  (a) => a.square(),
  (a, _, n) => a.mul((n % 5) - 2),
  (a, _, n) => a.div([1, -1, 0.5, -0.25][n % 4]!),
  (a, _, n) => full((n % 4) - 1, a.shape).sub(a),
  (a, _, n) =>
    a.add(
      full(
        (n % 3) - 1,
        a.shape.map(() => 1),
      ),
    ),
  (a) => bind('identity', [stopGradient(a)], {}),
  (a) => a.cast('int32').add(2).mul(a.cast('int32')).cast('float32'),
  (a, _, n) => a.transpose(n % 2 === 0 ? [1, 0] : [0, 1]),
  (a) => a.reshape([1, -1]),
  (a) => a.reshape([...a.shape].reverse()),
  (a) => a.broadcastTo(a.shape.map((extent) => (extent === 1 ? 3 : extent))),
  (a, _, n) =>
    a.slice(
      [0, 0],
      a.shape.map((extent) => Math.max(1, extent - (n % 2))),
    ),
  (a, _, n) =>
    a.slice(
      a.shape.map((extent) => Math.min(n % 3, extent - 1)),
      a.shape,
    ),
  (a, _, n) => a.pad([n % 2, 0], [0, n % 3]),
  (a, b, n) => concat([a, b], n % 2),
  (a) => concat([full(0, a.shape), full(0, a.shape)], 0),
  (a, _, n) => a.sum([n % 2], true),
  (a) => a.sum(),
  (a, _, n) => a.max([n % 2], true),
  (a, b) => a.matmul(b),
  (a, b, n) => bind('matmul', [a, b], { transposeA: n % 2 === 0, transposeB: n % 3 === 0 }),
  (a) =>
    constant(
      Array.from({ length: a.size }, (_, i) => (i % 3) - 1),
      a.shape,
    ).mul(a),
  (a) => jvp((x) => x.mul(x.abs()), [a], [a])[1],
  (a) => grad((x) => x.square().sum(), [a])[0]!,
  (a) =>
    grad(
      (x) => {
        const [cut, width] = [x.shape[0]! - 1, x.shape[1]!];
        const [top, bottom] = [x.slice([0, 0], [cut, width]), x.slice([cut, 0], [cut + 1, width])];
        return top.square().sum().add(bottom.mul(3).sum());
      },
      [a],
    )[0]!,
];

const leaves: readonly Shape[] = [[2, 3], [3, 2], [1, 3], [2, 1], [3, 3], []];

function randomGraph(choices: readonly (readonly [number, number, number, number])[]): Tensor[] {
  const pool: Tensor[] = leaves.map((shape, i) => input(`x${String(i)}`, shape));
  for (const [operation, a, b, n] of choices) {
    try {
      const [x, y] = [pool[a % pool.length]!, pool[b % pool.length]!];
      pool.push(instructions[operation % instructions.length]!(x, y, n));
    } catch (error) {
      // Shapes that do not fit: this instruction makes nothing.
      if (!(error instanceof ShapeError)) throw error;
    }
  }
  return pool;
}

describe('values', () => {
  it('of random graphs are the same to the last bit, for every node', async () => {
    const choice = fc.tuple(fc.nat(1000), fc.nat(30), fc.nat(30), fc.nat(11));
    let nodes = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(choice, { minLength: 5, maxLength: 25 }), fc.nat(1000), async (choices, seed) => {
        const pool = randomGraph(choices);
        const feeds = Object.fromEntries(
          leaves.map((shape, i) => {
            const u = uniforms({ seed, purpose: 'test', sample: i }, sizeOf(shape));
            return [
              `x${String(i)}`,
              hostTensor(
                shape,
                u.map((x) => Math.floor(7 * x) - 3),
              ),
            ];
          }),
        );
        const plain = await run(programOf(pool, false), feeds);
        // Beyond 2^53 whole numbers are no longer exact, and sums depend on their order.
        fc.pre(plain.every(({ data }) => data.every((x: number) => Math.abs(x) < 2 ** 50)));
        const rewritten = await run(programOf(pool, true), feeds);
        nodes += pool.length;
        plain.forEach((wanted, i) => {
          expect(rewritten[i]!.shape).toEqual(wanted.shape);
          expect(rewritten[i]!.dtype).toBe(wanted.dtype);
          expect(relativeError(rewritten[i]!.data, wanted.data), `node ${String(i)}`).toBe(0);
        });
      }),
      { numRuns: 300, seed: 11 },
    );
    // The generator must not have degenerated into rejecting everything.
    expect(nodes).toBeGreaterThan(3000);
  });

  it('of every primitive and its gradient are the same with and without simplification', async () => {
    for (const [primitive, cases] of Object.entries(primitiveCases)) {
      for (const { args, f, name } of cases) {
        const variables = args.map(({ shape, dtype }, i) => input(`x${String(i)}`, shape, dtype));
        const floats = variables.filter(({ dtype }) => dtype === 'float32');
        const y = f(...variables);
        const bars =
          y.dtype === 'float32' && floats.length > 0
            ? grad((...xs) => {
                const rest = xs.values();
                return f(...variables.map((x) => (x.dtype === 'float32' ? rest.next().value! : x)))
                  .sin()
                  .sum();
              }, floats)
            : [];
        const feeds = Object.fromEntries(args.map((sample, i) => [`x${String(i)}`, sample.draw(i)]));
        const [plain, rewritten] = [
          await run(programOf([y, ...bars], false), feeds),
          await run(programOf([y, ...bars], true), feeds),
        ];
        plain.forEach((wanted, i) => {
          // Factors are merged and moved, so the last digits may differ.
          expect(relativeError(rewritten[i]!.data, wanted.data), `${primitive} ${name}`).toBeLessThan(1e-13);
        });
      }
    }
  });
});

describe('size', () => {
  it('never grows, and simplifying again changes nothing', () => {
    const choice = fc.tuple(fc.nat(1000), fc.nat(30), fc.nat(30), fc.nat(11));
    fc.assert(
      fc.property(fc.array(choice, { maxLength: 25 }), (choices) => {
        const pool = randomGraph(choices);
        const once = simplify(pool);
        const computed = (tensors: readonly Tensor[]): number =>
          reachable(tensors).filter(({ primitive }) => primitive !== 'constant').length;
        const twice = simplify(once);
        twice.forEach((node, i) => expect(sameShape(node.shape, once[i]!.shape)).toBe(true));
        expect(computed(twice)).toBeLessThanOrEqual(computed(once));
      }),
      { numRuns: 200, seed: 12 },
    );
  });

  it('stays linear where a chain doubles, squares and shares itself', () => {
    let x = input('x', [2, 3]);
    let [y, z] = [x, x];
    for (let i = 0; i < 200; i++) {
      x = x.add(x.neg().mul(0.5)).mul(x.sub(x.mul(2)));
      y = y.sub(y.mul(y).neg()).mul(3).mul(y.mul(0.5));
      const row = z.slice([0, 0], [1, 3]).mul(0.25);
      z = z.mul(2).mul(row).neg();
    }
    expect(reachable(simplify([x, y, z])).length).toBeLessThan(4000);
  });

  it('a deep chain is simplified without recursion', () => {
    let x = input('x', [2]);
    for (let i = 0; i < 20_000; i++) x = i % 2 === 0 ? x.neg() : x.exp();
    expect(simplify([x])).toHaveLength(1);
  });
});
