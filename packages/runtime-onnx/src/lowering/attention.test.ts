import { fromBinary } from '@bufbuild/protobuf';
import { dit, flowMapSampler, samplerProgram } from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import {
  attention,
  bind,
  constant,
  freeze,
  hostTensor,
  linear,
  normals,
  program,
  sizeOf,
  split,
  type HostTensor,
  type HostTensors,
  type Program,
  type Shape,
  type Tensor,
} from '@flowmap/tensor';
import { ModelProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { onnxRuntime } from '../onnx-runtime.js';
import { modelOf } from '../to-onnx.js';
import { cpuRules } from './table.js';

const draw = (purpose: string, shape: Shape): HostTensor =>
  hostTensor(shape, normals({ seed: 0, purpose }, sizeOf(shape)));
const drawn = (purpose: string, shape: Shape): Tensor => constant(draw(purpose, shape).data, shape);

/** How often each of the two operators occurs in a CPU model. */
function attentions(built: Program): { self: number; other: number } {
  const { node } = fromBinary(ModelProtoSchema, modelOf(built, cpuRules())).graph!;
  const count = (name: string): number =>
    node.filter(({ domain, opType }) => domain === 'com.microsoft' && opType === name).length;
  return { self: count('Attention'), other: count('MultiHeadAttention') };
}

/** Largest difference between any result on the CPU and the reference, relative to the largest value. */
async function error(built: Program, feeds: HostTensors): Promise<number> {
  const [got, wanted] = await Promise.all(
    [await onnxRuntime({ device: 'cpu', threads: 1 }), referenceRuntime()].map(async (runtime) => {
      const results = Object.values(await (await runtime.compile(built)).run(feeds));
      return (await Promise.all(results.map((result) => result.read()))).flatMap(({ data }) => Array.from(data));
    }),
  );
  expect(got).toHaveLength(wanted!.length);
  const difference = Math.max(...wanted!.map((value, i) => Math.abs(value - got![i]!)));
  return difference / Math.max(...wanted!.map(Math.abs));
}

// A few float32 roundings of 2^-24; for the scores, which are near 10, exponentials make them as many times larger.
const accepted = 1e-5;

const [batch, tokens, heads, size] = [2, 6, 4, 3];
const width = heads * size;
const x = { x: [batch, tokens, width] };
const weight = drawn('weight', [width, 3 * width]);
const bias = drawn('bias', [3 * width]);

const apart = (part: Tensor): Tensor => part.reshape([batch, tokens, heads, size]).transpose([0, 2, 1, 3]);
const together = (y: Tensor): Tensor => y.transpose([0, 2, 1, 3]).reshape([batch, tokens, width]);
/** Attention among the thirds of `[batch, tokens, 3 width]`, by default in the order queries, keys, values. */
const among = (whole: Tensor, order: readonly number[] = [0, 1, 2]): Tensor => {
  const thirds = split(whole, 3, 2);
  const [query, key, value] = order.map((i) => apart(thirds[i]!));
  return together(attention(query!, key!, value!));
};
const of = (f: (x: Tensor) => Tensor | readonly Tensor[]): Program =>
  program('attention', { inputs: x }, ({ x }) => ({ outputs: Object.fromEntries([f(x)].flat().entries()) }));

describe('self-attention of the CPU', () => {
  it('is one operator for each block and step of a sampler whose parameters are constants', async () => {
    const network = dit({ shape: [3, 8, 8], interval: true, width: 16, depth: 3, heads: 2 });
    const sampler = samplerProgram(flowMapSampler(), { network, batchSize: 2, steps: 2 });
    const params = Object.fromEntries(
      Object.entries(network.parameters).map(([name, { shape }]) => {
        const { data } = draw(name, shape);
        return [
          name,
          hostTensor(
            shape,
            Array.from(data, (value) => value / 4),
          ),
        ];
      }),
    );
    const frozen = freeze(sampler, params);
    expect(attentions(frozen)).toEqual({ self: 6, other: 0 });
    expect(attentions(sampler)).toEqual({ self: 0, other: 6 });

    const feeds = Object.fromEntries(
      Object.entries(frozen.inputs).map(([name, { shape }]) => [name, draw(name, shape)]),
    );
    expect(await error(frozen, feeds)).toBeLessThan(accepted);
  });

  it.each<[string, Program]>([
    ['with a bias', of((x) => among(linear(x, weight, bias)))],
    [
      'with a bias before the product',
      of((x) => {
        const product = x.reshape([-1, width]).matmul(weight);
        return among(
          bias
            .reshape([1, 3 * width])
            .add(product)
            .reshape([batch, tokens, 3 * width]),
        );
      }),
    ],
    ['without a bias', of((x) => among(linear(x, weight)))],
    [
      'of a narrower input',
      of((x) => {
        const part = x.slice([0, 0, 0], [batch, tokens, 7]);
        return among(linear(part, drawn('narrow', [7, 3 * width]), bias));
      }),
    ],
    [
      'without a scale',
      of((x) => {
        const [query, key, value] = split(linear(x, weight, bias), 3, 2).map(apart);
        const scores = bind('matmul', [query!, key!], { transposeA: false, transposeB: true });
        return together(scores.softmax().matmul(value!));
      }),
    ],
  ])('gives the values of the reference %s', async (_, built) => {
    expect(attentions(built)).toEqual({ self: 1, other: 0 });
    expect(await error(built, { x: draw('x', x.x) })).toBeLessThan(accepted);
  });

  const projected = (x: Tensor): Tensor => linear(x, weight, bias);
  const rows = (x: Tensor): Tensor => x.reshape([-1, width]);
  const whole = (rows: Tensor): Tensor => rows.reshape([batch, tokens, 3 * width]);
  const each = [batch, tokens, heads, size];
  const flat = [batch * tokens, 3 * width];
  it.each<[string, Program]>([
    [
      'the weights are an input',
      program('input', { inputs: { ...x, w: weight.shape } }, ({ x, w }) => ({
        outputs: { y: among(linear(x, w, bias)) },
      })),
    ],
    [
      'the weights are a state',
      program('state', { inputs: x, state: { w: weight.shape } }, ({ x }, { w }) => ({
        outputs: { y: among(linear(x, w, bias)) },
      })),
    ],
    ['the bias differs from token to token', of((x) => among(whole(rows(x).matmul(weight).add(drawn('bias', flat)))))],
    [
      'the bias is a column',
      of((x) =>
        among(
          whole(
            rows(x)
              .matmul(weight)
              .add(drawn('column', [12, 1])),
          ),
        ),
      ),
    ],
    ['the projection is no product', of((x) => among(whole(x.reshape([1, 12, 12]).broadcastTo([3, 12, 12]))))],
    [
      'the product has other rows',
      of((x) => {
        const [taller, narrower] = [
          drawn('taller', [3 * batch * tokens, batch * tokens]),
          drawn('narrower', [width, width]),
        ];
        return among(whole(taller.matmul(rows(x)).matmul(narrower)));
      }),
    ],
    [
      'the weights are transposed',
      of((x) => {
        return among(whole(rows(x).matmul(drawn('transposed', [3 * width, width]).transpose([1, 0]))));
      }),
    ],
    ['the input is transposed', of((x) => among(whole(x.reshape([width, -1]).transpose([1, 0]).matmul(weight))))],
    ['keys come first', of((x) => among(projected(x), [1, 0, 2]))],
    ['values come first', of((x) => among(projected(x), [1, 2, 0]))],
    ['the values are the keys', of((x) => among(projected(x), [0, 1, 1]))],
    [
      'they are three quarters',
      of((x) => {
        const quarters = split(linear(x, drawn('quarters', [width, 4 * width])), 4, 2).map(apart);
        return together(attention(quarters[0]!, quarters[1]!, quarters[2]!));
      }),
    ],
    [
      'one is of the first half of the tokens',
      of((x) => {
        const [, key, value] = split(projected(x), 3, 2).map(apart);
        const half = projected(x).slice([0, 0, 0], [batch, tokens / 2, 2 * width]);
        return together(attention(apart(half), key!, value!));
      }),
    ],
    [
      'one is of another projection',
      of((x) => {
        const [query, key, unused] = split(projected(x), 3, 2);
        const other = split(projected(x.neg()), 3, 2)[2]!;
        return [together(attention(apart(query!), apart(key!), apart(other))), unused!.sin()];
      }),
    ],
    [
      'they are of three projections',
      of((x) => {
        const [query, key, value] = ['q', 'k', 'v'].map((name) => apart(linear(x, drawn(name, [width, width]))));
        return together(attention(query!, key!, value!));
      }),
    ],
    [
      'they are given',
      program('given', { inputs: { q: each, k: each, v: each } }, (given) => {
        const [query, key, value] = [given.q, given.k, given.v].map((part) => part.transpose([0, 2, 1, 3]));
        return { outputs: { y: together(attention(query!, key!, value!)) } };
      }),
    ],
    ['a third is used elsewhere', of((x) => [among(projected(x)), split(projected(x), 3, 2)[2]!.sin()])],
    [
      'a third with its heads apart is used elsewhere',
      of((x) => {
        return [among(projected(x)), split(projected(x), 3, 2)[1]!.reshape(each).sin()];
      }),
    ],
    [
      'a third with its heads in front is used elsewhere',
      of((x) => {
        return [among(projected(x)), apart(split(projected(x), 3, 2)[1]!).sin()];
      }),
    ],
    [
      'the scaled queries are used elsewhere',
      of((x) => {
        return [
          among(projected(x)),
          apart(split(projected(x), 3, 2)[0]!)
            .mul(1 / Math.sqrt(size))
            .sin(),
        ];
      }),
    ],
    ['the projection is used elsewhere', of((x) => [among(projected(x)), projected(x).sin()])],
    [
      'the projection of the rows is used elsewhere',
      of((x) => {
        return [
          among(projected(x)),
          rows(x)
            .matmul(weight)
            .add(bias.reshape([1, -1]))
            .sin(),
        ];
      }),
    ],
    ['the product is used elsewhere', of((x) => [among(projected(x)), rows(x).matmul(weight).sin()])],
  ])('is not where %s', (_, built) => {
    expect(attentions(built)).toEqual({ self: 0, other: 1 });
  });

  it('is not in half precision, which the operator has not', () => {
    const half = { x: { shape: x.x, dtype: 'float16' } } as const;
    const built = program('half', { inputs: half }, ({ x }) => ({
      outputs: { y: among(linear(x, weight.cast('float16'))) },
    }));
    expect(attentions(built)).toEqual({ self: 0, other: 0 });
  });
});
