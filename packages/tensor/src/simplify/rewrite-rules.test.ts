import { describe, expect, it } from 'vitest';
import { concat, conv2d, select, stopGradient } from '../library/functions.js';
import { roundTo } from '../graph/half.js';
import { formatProgram, program } from '../program/program.js';
import { simplify } from './simplify.js';
import { bind, constant, input, reachable, full, type Tensor } from '../graph/tensor.js';
import { grad } from '../autodiff/vjp.js';

const labels = constant([0, 2], [2], 'int32');

/** The simplified program of one function of a few inputs, as text. */
function simplified(f: (a: Tensor, b: Tensor, row: Tensor, s: Tensor) => Tensor): string {
  const inputs = { a: [2, 3], b: [2, 3], row: [1, 3], s: [] };
  const built = program('test', { inputs }, ({ a, b, row, s }) => ({ outputs: { y: f(a, b, row, s) } }));
  return `\n${formatProgram(built)}`;
}

describe('rules', () => {
  it.each<[string, (x: Tensor, y: Tensor) => Tensor]>([
    ['0 + x', (x) => full(0).add(x)],
    ['x - 0', (x) => x.sub(0)],
    ['1 x', (x) => full(1, [2, 3]).mul(x)],
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
    ['select by a constant', (x, y) => select(full(1, [2, 1], 'bool'), x, y)],
    ['x + conv(0, w) broadcast', (x) => x.add(conv2d(full(0, [1, 1, 2, 3]), full(1, [1, 1, 1, 1])).reshape([2, 3]))],
    [
      'x + 0 padded, joined, multiplied',
      (x) =>
        x
          .add(concat([full(0, [1, 3]), full(0, [1, 2]).pad([0, 0], [0, 1])], 0))
          .add(full(0, [2, 4]).matmul(full(1, [4, 3]))),
    ],
  ])('%s is x', (_, f) => {
    const [x, y] = [input('x', [2, 3]), input('y', [2, 3])];
    expect(simplify([f(x, y)])).toEqual([x]);
    expect(simplify([f(x, y)])[0]).toBe(x);
  });

  describe('of casts', () => {
    const [x, h] = [input('x', [2, 3]), input('h', [2, 3], 'float16')];

    it.each<[string, Tensor, Tensor]>([
      ['a half to its own dtype', h.cast('float16'), h],
      ['a half by way of float32', h.cast('float32').cast('float16'), h],
      ['a half by way of float32 to another', h.cast('float32').cast('bfloat16'), simplify([h.cast('bfloat16')])[0]!],
      ['a half by way of float32 to a bool', h.cast('float32').cast('bool'), simplify([h.cast('bool')])[0]!],
    ])('%s', (_, cast, wanted) => {
      const [simplified] = simplify([cast]);
      expect(simplified!.primitive).toBe(wanted.primitive);
      expect(simplified!.dtype).toBe(wanted.dtype);
      expect(simplified === wanted || simplified!.operands[0] === h).toBe(true);
    });

    it.each<[string, Tensor]>([
      ['float32 by way of a half', x.cast('float16').cast('float32')],
      ['float16 by way of bfloat16', h.cast('bfloat16').cast('float16')],
      ['float32 by way of int32', x.cast('int32').cast('float32')],
    ])('%s stays: it rounds', (_, cast) => {
      const [simplified] = simplify([cast]);
      expect(simplified!.primitive).toBe('cast');
      expect(simplified!.operands[0]!.primitive).toBe('cast');
    });

    it('a cast to a half rounds a constant, and zero stays zero', () => {
      const rounded = full(1 / 3).cast('bfloat16');
      const [third, back] = simplify([rounded, rounded.cast('float32')]);
      expect(third!.is('constant') && third.attributes.data[0]).toBe(roundTo(1 / 3, 'bfloat16'));
      expect(back!.is('constant') && back.attributes.data[0]).toBe(roundTo(1 / 3, 'bfloat16'));
      expect(back!.dtype).toBe('float32');
      expect(simplify([x.add(full(0, [], 'float16').cast('float32'))])).toEqual([x]);
    });
  });

  describe('of halves', () => {
    const h = input('h', [2, 3], 'float16');
    const shown = (y: Tensor): string =>
      formatProgram({ name: 'test', inputs: {}, state: {}, outputs: { y }, updates: {}, nodes: reachable([y]) });

    it('keep the dtype of every constant that they make', () => {
      const { dtype } = h;
      const one = full(1, [2, 2], dtype);
      const results = [
        ...[h.sub(h.mul(0)), h.neg().mul(3), h.mul(3).mul(5), h.add(h), h.mul(2).sum(), full(0, [], dtype).sub(h)],
        ...[full(0, [2, 3], dtype).div(h), full(0, [2, 2], dtype).matmul(h), full(0, [4], dtype).cumsum(0)],
        ...[one.sum(), one.exp(), h.div(4), h.mul(0), bind('scatterAdd', [full(0, [2], dtype), labels], { count: 3 })],
      ];
      for (const result of simplify(results)) {
        for (const node of reachable([result])) expect(node.dtype, shown(result)).toBe('float16');
      }
    });

    it('divide by a number whose reciprocal they cannot hold', () => {
      expect(simplify([h.div(3)])[0]!.primitive).toBe('div');
      expect(simplify([h.div(4)])[0]!.primitive).toBe('mul');
    });

    it.each(['float16', 'bfloat16'] as const)('leave a factor in place if it keeps %s in range', (dtype) => {
      const x = input('x', [2, 3], dtype);
      const [sum, product, merged] = simplify([
        x.mul(1 / 64).sum(),
        x.mul(x.square().mul(1 / 64)),
        x.mul(2e-3).mul(1e-4),
      ]);
      expect(sum!.primitive).toBe('sum');
      expect(product!.operands[1]!.primitive).toBe('mul');
      expect(merged!.operands[0]!.primitive).toBe('mul');
    });
  });

  it('constants are folded, in double precision', () => {
    const [folded] = simplify([full(2).sqrt().mul(full(8).sqrt()).exp().log().add(1).div(5).neg().sigmoid()]);
    expect(folded!.is('constant') && folded.attributes.data[0]).toBeCloseTo(1 / (1 + Math.E), 15);
    const [maximum] = simplify([
      full(2)
        .maximum(full(3, [2, 2]))
        .sub(full(1, [2, 1])),
    ]);
    expect(maximum!.is('constant') && [maximum.attributes.data, maximum.shape]).toEqual([Float64Array.of(2), [2, 2]]);
  });

  it('a sum of constants is multiplied out', () => {
    expect(simplified(() => full(0.5, [4, 3]).sum([0], true))).toMatchInlineSnapshot(`
      "
      %0 = constant 2 : float32 [1, 3]
      return y = %0"
    `);
  });

  it('an operand that is broadcast only to meet another one is used as it was', () => {
    expect(
      simplified((a, _, row, s) =>
        a
          .mul(row.broadcastTo([2, 3]))
          .add(s.broadcastTo([2, 3]))
          .sub(full(4, [2, 3])),
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

  it('adding zeros of a larger shape is a broadcast', () => {
    expect(simplified((_, __, row) => row.add(full(0, [2, 3])))).toMatchInlineSnapshot(`
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

  it('powers of two merge with other factors, and those >= 1 move past reductions', () => {
    expect(simplified((a) => a.mul(3).div(4).mul(2))).toMatchInlineSnapshot(`
      "
      %0 = input 'a' : float32 [2, 3]
      %1 = constant 1.5 : float32 []
      %2 = mul %0 %1 : float32 [2, 3]
      return y = %2"
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

  it('the 2 of a square goes to the smaller operand if that has a factor that halves it', () => {
    expect(simplified((a, _, row) => a.mul(2).mul(row.mul(1 / 3)))).toMatchInlineSnapshot(`
      "
      %0 = input 'a' : float32 [2, 3]
      %1 = input 'row' : float32 [1, 3]
      %2 = constant 0.6666666666666666 : float32 []
      %3 = mul %1 %2 : float32 [1, 3]
      %4 = mul %0 %3 : float32 [2, 3]
      return y = %4"
    `);
    expect(simplified((a, _, row) => a.mul(2).mul(row))).toMatchInlineSnapshot(`
      "
      %0 = input 'a' : float32 [2, 3]
      %1 = input 'row' : float32 [1, 3]
      %2 = constant 2 : float32 []
      %3 = mul %0 %2 : float32 [2, 3]
      %4 = mul %3 %1 : float32 [2, 3]
      return y = %4"
    `);
  });

  it.each<[string, (a: Tensor, b: Tensor, row: Tensor) => Tensor]>([
    ['a factor below 1 before a sum', (a) => a.mul(0.25).sum()],
    ['a factor at one of two operands', (a, b) => a.mul(1e-30).mul(b)],
    ['a factor after a product', (a, _, row) => a.mul(row).mul(2)],
    ['factors whose product is rounded', (a) => a.mul(3).mul(0.1)],
    ['a divisor whose reciprocal is rounded', (a) => a.div(3)],
    ['a guard added last', (a, _, row) => a.add(row).add(1e-8)],
  ])('%s stays where it is', (_, f) => {
    const inputs = [input('a', [2, 3]), input('b', [2, 3]), input('row', [1, 3])] as const;
    const y = f(...inputs);
    const shown = (y: Tensor): string =>
      formatProgram({ name: 'test', inputs: {}, state: {}, outputs: { y }, updates: {}, nodes: reachable([y]) });
    expect(shown(simplify([y])[0]!)).toBe(shown(y));
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
          .add(full(1).exp().add(full(1).exp())),
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

  it('two inputs with the same name stay separate', () => {
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
