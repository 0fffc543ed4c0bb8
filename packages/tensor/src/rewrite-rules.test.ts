import { describe, expect, it } from 'vitest';
import { concat, conv2d, select, stopGradient } from './functions.js';
import { formatProgram, program } from './program.js';
import { simplify } from './simplify.js';
import { bind, constant, input, splat, type Tensor } from './tensor.js';
import { grad } from './vjp.js';

/** The simplified program of one function of a few inputs, as text. */
function simplified(f: (a: Tensor, b: Tensor, row: Tensor, s: Tensor) => Tensor): string {
  const inputs = { a: [2, 3], b: [2, 3], row: [1, 3], s: [] };
  const built = program('test', { inputs }, ({ a, b, row, s }) => ({ outputs: { y: f(a, b, row, s) } }));
  return `\n${formatProgram(built)}`;
}

describe('rules', () => {
  it.each<[string, (x: Tensor, y: Tensor) => Tensor]>([
    ['0 + x', (x) => splat(0).add(x)],
    ['x - 0', (x) => x.sub(0)],
    ['1 x', (x) => splat(1, [2, 3]).mul(x)],
    ['x / 1', (x) => x.div(1)],
    ['-(-x)', (x) => x.neg().neg()],
    ['(-1) (-1) x', (x) => x.mul(-1).mul(-1)],
    ['2 (x / 2)', (x) => x.div(2).mul(2)],
    ['x + 0 y', (x, y) => x.add(y.mul(0))],
    ['y - (y - x)', (x, y) => y.sub(y.sub(x))],
    ['max(x, x)', (x) => x.maximum(x)],
    ['stopGradient', (x) => stopGradient(bind('identity', [x], {}))],
    ['a reshape and back', (x) => x.reshape([6]).reshape([3, 2]).reshape([2, 3])],
    ['a transposition and back', (x) => x.transpose([1, 0]).transpose([1, 0])],
    [
      'two rotations of three axes',
      (x) => x.reshape([2, 3, 1]).transpose([2, 0, 1]).transpose([1, 2, 0]).reshape([2, 3]),
    ],
    ['a slice of everything', (x) => x.slice([0, 0], [2, 3])],
    ['padding by nothing', (x) => x.pad([0, 0], [0, 0])],
    ['concat of one', (x) => concat([x], 0)],
    ['sum over an axis of extent 1', (x) => x.reshape([2, 1, 3]).sum([1])],
    ['sum over no axis', (x) => x.sum([])],
    ['max over an axis of extent 1', (x) => x.reshape([2, 1, 3]).max([1])],
    ['a cast to its own dtype', (x) => x.cast('float32')],
    ['select of equals', (x) => select(x.less(0), x, x)],
    ['select by a constant', (x, y) => select(splat(1, [2, 1], 'bool'), x, y)],
    ['x + conv(0, w) broadcast', (x) => x.add(conv2d(splat(0, [1, 1, 2, 3]), splat(1, [1, 1, 1, 1])).reshape([2, 3]))],
    [
      'x + 0 padded, joined, multiplied',
      (x) =>
        x
          .add(concat([splat(0, [1, 3]), splat(0, [1, 2]).pad([0, 0], [0, 1])], 0))
          .add(splat(0, [2, 4]).matmul(splat(1, [4, 3]))),
    ],
  ])('%s is x', (_, f) => {
    const [x, y] = [input('x', [2, 3]), input('y', [2, 3])];
    expect(simplify([f(x, y)])).toEqual([x]);
    expect(simplify([f(x, y)])[0]).toBe(x);
  });

  it('constants are folded, in double precision', () => {
    const [folded] = simplify([splat(2).sqrt().mul(splat(8).sqrt()).exp().log().add(1).div(5).neg().sigmoid()]);
    expect(folded!.is('constant') && folded.attributes.data[0]).toBeCloseTo(1 / (1 + Math.E), 15);
    const [maximum] = simplify([
      splat(2)
        .maximum(splat(3, [2, 2]))
        .sub(splat(1, [2, 1])),
    ]);
    expect(maximum!.is('constant') && [maximum.attributes.data, maximum.shape]).toEqual([Float64Array.of(2), [2, 2]]);
  });

  it('a sum of constants is multiplied out', () => {
    expect(simplified(() => splat(0.5, [4, 3]).sum([0], true))).toMatchInlineSnapshot(`
      "
      %0 = constant 2 : float32 [1, 3]
      return y = %0"
    `);
  });

  it('what is broadcast only to meet another operand is not', () => {
    expect(
      simplified((a, _, row, s) =>
        a
          .mul(row.broadcastTo([2, 3]))
          .add(s.broadcastTo([2, 3]))
          .sub(splat(4, [2, 3])),
      ),
    ).toMatchInlineSnapshot(`
      "
      %0 = input 'a' : float32 [2, 3]
      %1 = input 'row' : float32 [1, 3]
      %2 = input 's' : float32 []
      %3 = mul %0 %1 : float32 [2, 3]
      %4 = add %3 %2 : float32 [2, 3]
      %5 = constant 4 : float32 []
      %6 = sub %4 %5 : float32 [2, 3]
      return y = %6"
    `);
  });

  it('adding zeros that enlarge is a broadcast', () => {
    expect(simplified((_, __, row) => row.add(splat(0, [2, 3])))).toMatchInlineSnapshot(`
      "
      %0 = input 'row' : float32 [1, 3]
      %1 = broadcastTo %0 : float32 [2, 3]
      return y = %1"
    `);
  });

  it('signs move outwards into subtractions', () => {
    expect(simplified((a, b, row) => row.sub(a.neg().mul(b).mul(row)))).toMatchInlineSnapshot(`
      "
      %0 = input 'a' : float32 [2, 3]
      %1 = input 'b' : float32 [2, 3]
      %2 = input 'row' : float32 [1, 3]
      %3 = mul %0 %1 : float32 [2, 3]
      %4 = mul %3 %2 : float32 [2, 3]
      %5 = add %2 %4 : float32 [2, 3]
      return y = %5"
    `);
  });

  it('scalar factors merge, go to the smaller operand and pass reductions', () => {
    expect(simplified((a, b) => a.mul(3).mul(b.div(4)).mul(2).sum())).toMatchInlineSnapshot(`
      "
      %0 = input 'a' : float32 [2, 3]
      %1 = input 'b' : float32 [2, 3]
      %2 = mul %0 %1 : float32 [2, 3]
      %3 = constant 1.5 : float32 []
      %4 = sum %2 {"axes":[0,1],"keepDims":false} : float32 []
      %5 = mul %4 %3 : float32 []
      return y = %5"
    `);
    expect(simplified((a, _, row) => a.mul(3).mul(row))).toMatchInlineSnapshot(`
      "
      %0 = input 'a' : float32 [2, 3]
      %1 = input 'row' : float32 [1, 3]
      %2 = constant 3 : float32 []
      %3 = mul %1 %2 : float32 [1, 3]
      %4 = mul %3 %0 : float32 [2, 3]
      return y = %4"
    `);
  });

  it('factors that float32 cannot hold are not merged', () => {
    expect(simplified((a) => a.mul(1e-30).mul(1e-30))).toMatchInlineSnapshot(`
      "
      %0 = input 'a' : float32 [2, 3]
      %1 = constant 1e-30 : float32 []
      %2 = mul %0 %1 : float32 [2, 3]
      %3 = mul %2 %1 : float32 [2, 3]
      return y = %3"
    `);
    expect(simplified((a) => a.div(1e-40))).toMatchInlineSnapshot(`
      "
      %0 = input 'a' : float32 [2, 3]
      %1 = constant 1e-40 : float32 []
      %2 = div %0 %1 : float32 [2, 3]
      return y = %2"
    `);
  });

  it('transpositions disappear in matrix products', () => {
    expect(
      simplified((a, b) =>
        a
          .transpose([1, 0])
          .matmul(b)
          .matmul(a.transpose([1, 0])),
      ),
    ).toMatchInlineSnapshot(`
      "
      %0 = input 'a' : float32 [2, 3]
      %1 = input 'b' : float32 [2, 3]
      %2 = matmul %0 %1 {"transposeA":true,"transposeB":false} : float32 [3, 3]
      %3 = matmul %2 %0 {"transposeA":false,"transposeB":true} : float32 [3, 2]
      return y = %3"
    `);
  });

  it('a transposition that moves axes of extent 1 only is a reshape', () => {
    expect(simplified((_, __, row) => row.transpose([1, 0]))).toMatchInlineSnapshot(`
      "
      %0 = input 'row' : float32 [1, 3]
      %1 = reshape %0 : float32 [3, 1]
      return y = %1"
    `);
  });

  it('slices of slices, broadcasts of broadcasts and reshapes of reshapes merge', () => {
    expect(simplified((a) => a.slice([0, 1], [2, 3]).slice([1, 1], [2, 2]))).toMatchInlineSnapshot(`
      "
      %0 = input 'a' : float32 [2, 3]
      %1 = slice %0 {"starts":[1,2],"ends":[2,3]} : float32 [1, 1]
      return y = %1"
    `);
    expect(simplified((_, __, ___, s) => s.broadcastTo([1, 3]).broadcastTo([2, 3]))).toMatchInlineSnapshot(`
      "
      %0 = input 's' : float32 []
      %1 = broadcastTo %0 : float32 [2, 3]
      return y = %1"
    `);
    expect(simplified((a) => a.reshape([6]).reshape([3, 2]))).toMatchInlineSnapshot(`
      "
      %0 = input 'a' : float32 [2, 3]
      %1 = reshape %0 : float32 [3, 2]
      return y = %1"
    `);
  });

  it('equal expressions are computed once, in any order of commuting operands', () => {
    expect(
      simplified((a, b) =>
        a
          .mul(b)
          .sum([0])
          .add(b.mul(a).sum([0]))
          .add(splat(1).exp().add(splat(1).exp())),
      ),
    ).toMatchInlineSnapshot(`
      "
      %0 = input 'a' : float32 [2, 3]
      %1 = input 'b' : float32 [2, 3]
      %2 = mul %0 %1 : float32 [2, 3]
      %3 = sum %2 {"axes":[0],"keepDims":false} : float32 [3]
      %4 = constant 2 : float32 []
      %5 = mul %3 %4 : float32 [3]
      %6 = constant 5.43656365691809 : float32 []
      %7 = add %5 %6 : float32 [3]
      return y = %7"
    `);
  });

  it('equal constants are one, and 0 is not -0', () => {
    const [x, y] = [input('x', [3]), input('y', [3])];
    const shared = simplify([x.add(constant([1, 0, 3])), y.add(constant([1, 0, 3])), y.add(constant([1, -0, 3]))]);
    const constants = shared.map((node) => node.operands.find((operand) => operand.is('constant')));
    expect(constants[0]).toBe(constants[1]);
    expect(constants[2]).not.toBe(constants[1]);
  });

  it('a constant of equal numbers needs only one of them', () => {
    const [uniform] = simplify([constant([7, 7, 7, 7], [2, 2])]);
    expect(uniform!.is('constant') && uniform.attributes.data).toEqual(Float64Array.of(7));
    expect(uniform!.shape).toEqual([2, 2]);
  });

  it('inputs of one name stay two', () => {
    const [x, other] = [input('x', [2]), input('x', [2])];
    const [sum] = simplify([x.sub(other)]);
    expect(sum!.operands).toEqual([x, other]);
  });

  it('whole numbers are not halved, doubled by floats or inverted', () => {
    const built = program('int', { inputs: { n: { shape: [2], dtype: 'int32' } } }, ({ n }) => ({
      outputs: { y: n.add(n).mul(2).mul(3).add(0).mul(1).mul(-1) },
    }));
    expect(`\n${formatProgram(built)}`).toMatchInlineSnapshot(`
      "
      %0 = input 'n' : int32 [2]
      %1 = add %0 %0 : int32 [2]
      %2 = constant 2 : int32 []
      %3 = mul %1 %2 : int32 [2]
      %4 = constant 3 : int32 []
      %5 = mul %3 %4 : int32 [2]
      %6 = constant -1 : int32 []
      %7 = mul %5 %6 : int32 [2]
      return y = %7"
    `);
  });

  it('a factor of all elements goes to the smaller operand, and past a reshape into a sum', () => {
    expect(simplified((a, _, row) => a.mul(row).mul(2).reshape([6]).exp())).toMatchInlineSnapshot(`
      "
      %0 = input 'a' : float32 [2, 3]
      %1 = input 'row' : float32 [1, 3]
      %2 = constant 2 : float32 []
      %3 = mul %1 %2 : float32 [1, 3]
      %4 = mul %0 %3 : float32 [2, 3]
      %5 = reshape %4 : float32 [6]
      %6 = exp %5 : float32 [6]
      return y = %6"
    `);
    expect(simplified((a, b) => a.mul(b).mul(2).reshape([6]).sum())).toMatchInlineSnapshot(`
      "
      %0 = input 'a' : float32 [2, 3]
      %1 = input 'b' : float32 [2, 3]
      %2 = mul %0 %1 : float32 [2, 3]
      %3 = constant 2 : float32 []
      %4 = reshape %2 : float32 [6]
      %5 = sum %4 {"axes":[0],"keepDims":false} : float32 []
      %6 = mul %5 %3 : float32 []
      return y = %6"
    `);
  });

  it('zeros are symbolic', () => {
    expect(simplified((a) => a.log().mul(0))).toMatchInlineSnapshot(`
      "
      %0 = constant 0 : float32 [2, 3]
      return y = %0"
    `);
  });

  it('the gradient of a regression is what one would write by hand', () => {
    const inputs = { x: [4, 3], w: [3, 2], target: [4, 2] };
    const built = program('regression', { inputs }, ({ x, w, target }) => ({
      outputs: { dw: grad((w) => x.matmul(w).sub(target).square().mean(), [w])[0]! },
    }));
    expect(`\n${formatProgram(built)}`).toMatchInlineSnapshot(`
      "
      %0 = input 'x' : float32 [4, 3]
      %1 = input 'w' : float32 [3, 2]
      %2 = input 'target' : float32 [4, 2]
      %3 = matmul %0 %1 {"transposeA":false,"transposeB":false} : float32 [4, 2]
      %4 = sub %3 %2 : float32 [4, 2]
      %5 = constant 0.25 : float32 []
      %6 = mul %4 %5 : float32 [4, 2]
      %7 = matmul %0 %6 {"transposeA":true,"transposeB":false} : float32 [3, 2]
      return dw = %7"
    `);
  });
});
