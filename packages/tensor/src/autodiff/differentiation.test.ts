import { referenceRuntime } from '@flowmap/runtime-reference';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DTypeError, ShapeError } from '../errors.js';
import { leakyRelu } from '../library/activations.js';
import { oneHot, select, stopGradient } from '../library/functions.js';
import { hostTensor, type HostTensor } from '../runtime/host-tensor.js';
import { jvp, pushForward } from './jvp.js';
import { formatProgram, program } from '../program/program.js';
import { normals } from '../random/random.js';
import { broadcastShapes, sizeOf, type Shape } from '../graph/shape.js';
import { input, full, type Tensor } from '../graph/tensor.js';
import { checkDerivatives, evaluate } from '../testing/index.js';
import { grad, gradients, pullBack, vjp } from './vjp.js';

const runtime = referenceRuntime();
const scalar = (value: number): HostTensor => hostTensor([], Float64Array.of(value));
const vector = (...values: number[]): HostTensor => hostTensor([values.length], Float64Array.from(values));
const normal = (shape: Shape, seed: number): HostTensor =>
  hostTensor(shape, normals({ seed, purpose: 'test' }, sizeOf(shape)));
const values = async (f: (...args: Tensor[]) => Tensor, ...args: HostTensor[]): Promise<number[]> =>
  Array.from((await evaluate(runtime, f, args)).data);

const derivative =
  (f: (x: Tensor) => Tensor) =>
  (x: Tensor): Tensor =>
    grad(f, [x])[0]!;
const tangent =
  (f: (x: Tensor) => Tensor) =>
  (x: Tensor): Tensor =>
    jvp(f, [x], [full(1, x.shape)])[1];

describe('composition', () => {
  const cube = (x: Tensor): Tensor => x.mul(x).mul(x);
  const orders: readonly ((f: (x: Tensor) => Tensor) => (x: Tensor) => Tensor)[] = [derivative, tangent];

  it.each(orders.flatMap((a, i) => orders.flatMap((b, j) => orders.map((c, k) => [i, j, k, a, b, c] as const))))(
    'a cubic three times, modes %i %i %i',
    async (_, __, ___, a, b, c) => {
      // (x^3)' = 3 x^2, (x^3)'' = 6 x, (x^3)''' = 6, in every mix of forward and reverse mode.
      expect(await values(c(cube), scalar(2))).toEqual([12]);
      expect(await values(b(c(cube)), scalar(2))).toEqual([12]);
      expect(await values(a(b(c(cube))), scalar(2))).toEqual([6]);
    },
  );

  it('fifth derivative of sin is cos', async () => {
    let f = (x: Tensor): Tensor => x.sin();
    for (let i = 0; i < 5; i++) f = (i % 2 === 0 ? derivative : tangent)(f);
    expect((await values(f, scalar(0.7)))[0]).toBeCloseTo(Math.cos(0.7), 14);
  });

  it('the Hessian is symmetric, and both mixed modes give its products', async () => {
    const f = (x: Tensor): Tensor => x.softmax().mul(x.sin()).sum().exp();
    const [x, v, w] = [normal([5], 1), normal([5], 2), normal([5], 3)];
    const forwardOverReverse = (x: Tensor, v: Tensor): Tensor => jvp(derivative(f), [x], [v])[1];
    const reverseOverForward = (x: Tensor, v: Tensor): Tensor => derivative((y) => jvp(f, [y], [v])[1])(x);
    const results = await evaluate(
      runtime,
      (x, v, w) => ({
        vHw: forwardOverReverse(x, w).mul(v).sum(),
        wHv: forwardOverReverse(x, v).mul(w).sum(),
        difference: forwardOverReverse(x, v).sub(reverseOverForward(x, v)).abs().max(),
      }),
      [x, v, w],
    );
    expect(results.vHw.data[0]).toBeCloseTo(results.wHv.data[0]!, 12);
    expect(results.difference.data[0]).toBeLessThan(1e-13);
  });

  it('derivative along a trajectory, as a flow map needs it: d/dt F(x_t, t) = (dF/dx) v + dF/dt', async () => {
    // F(x, t) = x^2 t, so dF/dt along dx/dt = v is 2 x v t + x^2.
    const dF = (x: Tensor, t: Tensor, v: Tensor): Tensor =>
      jvp((x, t) => x.square().mul(t), [x, t], [v, full(1, t.shape)])[1];
    expect(await values(dF, vector(3), vector(0.5), vector(2))).toEqual([2 * 3 * 2 * 0.5 + 9]);
  });
});

describe('what is constant', () => {
  it('what a function closes over, even if it was computed from the point', async () => {
    // x y with y = x^2 closed over: derivative y, not 3 x^2.
    expect(await values((x) => grad((z) => z.mul(x.square()), [x])[0]!, scalar(3))).toEqual([9]);
    expect(await values((x) => jvp((z) => z.mul(x.square()), [x], [full(1)])[1], scalar(3))).toEqual([9]);
  });

  it('the point itself, closed over', async () => {
    expect(await values((x) => grad((z) => z.mul(x), [x])[0]!, scalar(3))).toEqual([3]);
    // ... but a derivative taken outside goes through both: (x x)' = 2 x.
    expect(
      await values(
        derivative((x) => grad((z) => z.square().mul(x), [x])[0]!),
        scalar(3),
      ),
    ).toEqual([12]);
  });

  it('no confusion of perturbations: d/dx (x d/dy (x + y)) = 1', async () => {
    const f = (x: Tensor): Tensor => x.mul(tangent((y) => x.add(y))(full(1)));
    expect(await values(tangent(f), scalar(5))).toEqual([1]);
    const g = (x: Tensor): Tensor => x.mul(derivative((y) => x.add(y))(full(1)));
    expect(await values(derivative(g), scalar(5))).toEqual([1]);
  });

  it('an argument without a tangent', async () => {
    expect(
      await values((x, y) => jvp((a, b) => a.mul(b), [x, y], [undefined, full(1)])[1], scalar(3), scalar(7)),
    ).toEqual([3]);
  });

  it('a function of nothing that varies has zero derivatives', async () => {
    const f = (): Tensor => full(4, [2]);
    expect(await values((x) => jvp(f, [x], [x])[1], vector(1, 2, 3))).toEqual([0, 0]);
    expect(await values((x) => vjp(f, [x])[1](full(1, [2]))[0]!, vector(1, 2, 3))).toEqual([0, 0, 0]);
  });

  it('whole numbers: labels may be arguments alongside floats', async () => {
    const labels = hostTensor([3], Int32Array.of(2, 0, 2));
    const embed = (table: Tensor, labels: Tensor): Tensor => oneHot(labels, 3).matmul(table);
    const [dTable] = await evaluate(runtime, (table, labels) => [vjp(embed, [table, labels])[1](full(1, [3, 2]))[0]!], [
      normal([3, 2], 1),
      labels,
    ]);
    expect(Array.from(dTable!.data)).toEqual([1, 1, 0, 0, 2, 2]);
  });
});

describe('stopGradient', () => {
  it('keeps the value and has no derivative in either mode', async () => {
    const f = (x: Tensor): Tensor => stopGradient(x.square()).mul(x);
    expect(await values(f, scalar(3))).toEqual([27]);
    expect(await values(tangent(f), scalar(3))).toEqual([9]);
    expect(await values(derivative(f), scalar(3))).toEqual([9]);
    expect(await values(derivative(stopGradient), scalar(3))).toEqual([0]);
  });

  it('stops second derivatives too, wherever it stands', async () => {
    expect(
      await values(
        derivative((x) => stopGradient(derivative((y) => y.square().mul(y))(x)).mul(x)),
        scalar(2),
      ),
    ).toEqual([12]);
    expect(await values(tangent(derivative((x) => stopGradient(x).mul(x))), scalar(2))).toEqual([0]);
  });

  it('on the values after a JVP: one traced forward serves value, tangent and gradient', () => {
    // The regression of AYF: L = |F - stop(F - dF/dt)|^2, whose value is |dF/dt|^2 and gradient 2 (dF/dt)^T dF/dw.
    const step = program('regression', { inputs: { x: [2, 3], v: [2, 3], w: [3, 3] } }, ({ x, v, w }) => {
      const loss = (w: Tensor): Tensor => {
        const [f, df] = jvp((y) => y.matmul(w).tanh(), [x], [v]);
        const target = stopGradient(f.sub(df));
        return f.sub(target).square().sum();
      };
      return { outputs: { dw: grad(loss, [w])[0]! } };
    });
    const count = (primitive: string): number => step.nodes.filter((node) => node.primitive === primitive).length;
    // Forward x w, tangent v w, and one product for the gradient; the tangent is not differentiated.
    expect(count('matmul')).toBe(3);
    // The tangent computes the derivative of tanh from two sigmoids; the value itself is not needed.
    expect([count('tanh'), count('sigmoid')]).toEqual([0, 2]);
  });
});

describe('conventions at kinks', () => {
  it('equal operands of maximum and minimum share the derivative', async () => {
    for (const f of [(a: Tensor, b: Tensor) => a.maximum(b), (a: Tensor, b: Tensor) => a.minimum(b)]) {
      expect(await values((a, b) => grad((a, b) => f(a, b), [a, b])[0]!, scalar(1), scalar(1))).toEqual([0.5]);
      expect(await values((a, b) => jvp(f, [a, b], [full(1), full(1)])[1], scalar(1), scalar(1))).toEqual([1]);
    }
  });

  it('the maximal elements of a reduction share the derivative', async () => {
    expect(await values((x) => grad((y) => y.max(), [x])[0]!, vector(2, 5, 5, 1, 5))).toEqual([
      0,
      1 / 3,
      1 / 3,
      0,
      1 / 3,
    ]);
  });

  it('a leaky rectifier has its slope at 0', async () => {
    const f = (x: Tensor): Tensor => leakyRelu(x, 0.25);
    expect(await values(derivative(f), scalar(0))).toEqual([0.25]);
    expect(await values(tangent(f), scalar(0))).toEqual([0.25]);
  });

  it('|x| and sign have derivative 0 at 0', async () => {
    expect(
      await values(
        derivative((x) => x.abs()),
        scalar(0),
      ),
    ).toEqual([0]);
    expect(
      await values(
        derivative((x) => x.sign()),
        scalar(0),
      ),
    ).toEqual([0]);
  });

  it('a branch that is not taken adds nothing when its operand is kept in range', async () => {
    const safeRoot = (x: Tensor): Tensor => select(x.greater(0), x.maximum(1e-12).sqrt(), 0);
    expect(await values((x) => grad((y) => safeRoot(y).sum(), [x])[0]!, vector(4, 0, -1))).toEqual([0.25, 0, 0]);
  });
});

describe('identities', () => {
  const shapes = fc
    .array(fc.integer({ min: 1, max: 3 }), { maxLength: 4 })
    .chain((shape) => {
      const narrow = fc.oneof(
        fc.constant<number[]>([]),
        fc.tuple(...shape.map((extent) => fc.constantFrom(1, extent))).map((narrowed): number[] => narrowed),
      );
      return fc.tuple(fc.constant(shape), narrow);
    })
    .chain(([a, b]) => fc.constantFrom([a, b] as const, [b, a] as const));

  it('derivatives of element-wise arithmetic under every broadcast', async () => {
    const operations: readonly ((a: Tensor, b: Tensor) => Tensor)[] = [
      (a, b) => a.add(b).mul(a),
      (a, b) => a.sub(b).square(),
      (a, b) => a.mul(b).sin(),
      (a, b) => a.div(b.square().add(1)),
      (a, b) => select(a.less(b), a.square(), b),
      (a, b) => a.maximum(b).mul(a.minimum(b)),
    ];
    await fc.assert(
      fc.asyncProperty(shapes, fc.constantFrom(...operations), fc.nat(1000), async ([a, b], f, seed) => {
        // The shifts keep compared operands apart by far more than the step of the differences.
        const apart = (shape: Shape, shift: number): HostTensor => {
          const numbers = normals({ seed, purpose: `identities ${String(shift)}` }, sizeOf(shape));
          return hostTensor(
            shape,
            numbers.map((x) => Math.round(2 * x) / 2 + shift),
          );
        };
        await checkDerivatives(f, [apart(a, 0), apart(b, 0.25)], { runtime, seed });
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  it('a JVP is linear in the tangent and a VJP in the cotangent', async () => {
    const f = (x: Tensor): Tensor => x.softmax().mul(x.exp());
    const linear = await evaluate(
      runtime,
      (x, v, w) => {
        const pushed = (tangent: Tensor): Tensor => jvp(f, [x], [tangent])[1];
        const pulled = (cotangent: Tensor): Tensor => vjp(f, [x])[1](cotangent)[0]!;
        const mixed = v.mul(2).add(w);
        return {
          jvp: pushed(mixed).sub(pushed(v).mul(2).add(pushed(w))),
          vjp: pulled(mixed).sub(pulled(v).mul(2).add(pulled(w))),
        };
      },
      [normal([3, 4], 1), normal([3, 4], 2), normal([3, 4], 3)],
    );
    for (const { data } of Object.values(linear)) for (const x of data) expect(Math.abs(x)).toBeLessThan(1e-14);
  });

  it('a row of the identity as tangent is a column of the Jacobian; as cotangent, a row', async () => {
    const f = (x: Tensor): Tensor => x.square().mul(x.sum([0], true));
    const unit = (i: number): HostTensor => vector(...[0, 1, 2].map((j) => Number(i === j)));
    const x = vector(0.5, -1, 2);
    const columns = await Promise.all([0, 1, 2].map((i) => values((x, e) => jvp(f, [x], [e])[1], x, unit(i))));
    const rows = await Promise.all([0, 1, 2].map((i) => values((x, e) => vjp(f, [x])[1](e)[0]!, x, unit(i))));
    rows.forEach((row, i) => row.forEach((entry, j) => expect(entry).toBeCloseTo(columns[j]![i]!, 14)));
    // y_0 = x_0^2 (x_0 + x_1 + x_2): dy_0/dx_1 = x_0^2
    expect(rows[0]![1]).toBeCloseTo(0.25, 14);
  });

  it('the value of broadcasting is that of nested loops', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.nat(1000), async ([a, b], seed) => {
        const [x, y] = [normal(a, seed), normal(b, seed + 1)];
        const result = await evaluate(runtime, (x, y) => x.sub(y.mul(2)), [x, y]);
        const shape = broadcastShapes('test', [a, b]);
        expect(result.shape).toEqual(shape);
        const at = ({ shape: own, data }: HostTensor, index: readonly number[]): number => {
          const position = own.reduce((flat, extent, axis) => flat * extent + (extent === 1 ? 0 : index[axis]!), 0);
          return data[position]!;
        };
        result.data.forEach((value, flat) => {
          let rest = flat;
          const index = shape.map(() => 0);
          for (let axis = shape.length - 1; axis >= 0; axis--) {
            index[axis] = rest % shape[axis]!;
            rest = Math.floor(rest / shape[axis]!);
          }
          expect(value).toBe(at(x, index) - 2 * at(y, index));
        });
      }),
      { numRuns: 60, seed: 2 },
    );
  });
});

describe('pushForward, pullBack and gradients', () => {
  it('give one result per output or variable, zero where there is no path', async () => {
    const x = input('x', [2]);
    const y = x.square();
    expect(pushForward([y, full(1, [2])], new Map([[x, full(1, [2])]])).map((t) => t !== undefined)).toEqual([
      true,
      false,
    ]);
    const [dx, dz] = pullBack([y], [full(1, [2])], [x, full(5, [3])]);
    expect([dx!.shape, dz!.shape]).toEqual([[2], [3]]);
    const named = program('named', { inputs: { a: [2], b: [] } }, ({ a, b }) => ({
      outputs: gradients(a.mul(b).sum(), { a, b }),
    }));
    const outputs = await (await runtime.compile(named)).run({ a: vector(1, 2), b: scalar(3) });
    expect(Array.from((await outputs['a']!.read()).data)).toEqual([3, 3]);
    expect(Array.from((await outputs['b']!.read()).data)).toEqual([3]);
  });

  it('add up cotangents of an output that is given twice, or is itself a variable', async () => {
    const twice = (x: Tensor): Tensor => {
      const y = x.square();
      return pullBack([y, y], [full(1), full(10)], [x])[0]!;
    };
    expect(await values(twice, scalar(3))).toEqual([66]);
    expect(await values((x) => pullBack([x], [full(7)], [x])[0]!, scalar(3))).toEqual([7]);
  });

  it('differentiate by inner tensors as well as by arguments', async () => {
    const f = (x: Tensor): Tensor => {
      const y = x.square();
      return gradients(y.mul(x).sum(), [y])[0]!;
    };
    // With y as an independent variable, d(y x)/dy = x.
    expect(await values(f, scalar(3))).toEqual([3]);
  });

  it('cost nothing for what is known to be zero', () => {
    const built = program('zeros', { inputs: { x: [2, 2], y: [2, 2] } }, ({ x, y }) => ({
      outputs: { dy: jvp((a, b) => a.matmul(a).add(b.mul(3)), [x, y], [undefined, y])[1] },
    }));
    expect(formatProgram(built)).toMatchInlineSnapshot(`
      "%0 = input 'y' : float32 [2, 2]
      %1 = constant 3 : float32 []
      %2 = mul %0 %1 : float32 [2, 2]
      return dy = %2"
    `);
  });
});

describe('errors', () => {
  const x = input('x', [2]);
  const n = input('n', [2], 'int32');

  it('a tangent or a cotangent of another shape', () => {
    expect(() => jvp((y) => y.sin(), [x], [full(1, [3])])).toThrow(ShapeError);
    expect(() => jvp((y) => y.sin(), [x], [full(1, [3])])).toThrow('jvp, tangent 0: wanted the shape of its primal');
    expect(() => vjp((y) => y.sin(), [x])[1](full(1))).toThrow('vjp, cotangent: wanted the shape of the value');
  });

  it('a gradient of something that is not a scalar, or not a float', () => {
    expect(() => grad((y) => y.sin(), [x])).toThrow('gradient: wanted a scalar to differentiate, got [2]');
    expect(() => grad((m) => m.sum(), [n])).toThrow(DTypeError);
    expect(() => jvp((m) => m, [n], [n])).toThrow(DTypeError);
  });
});
