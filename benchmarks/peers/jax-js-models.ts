// The networks of packages/flowmap-core/src/networks in jax-js, as functions of a record of parameters. An operation of
// jax-js consumes its operands unless they are passed as `.ref`; inside a jitted function, where nothing is allocated,
// all of them are.
import { lax, nn, numpy as np } from '@jax-js/jax';

export type Params = Record<string, np.Array>;

/** `F(params, x, t, s, label)` of a network. */
export type Network = (p: Params, x: np.Array, t: np.Array, s: np.Array, label: np.Array | undefined) => np.Array;

interface Config {
  readonly type: string;
  readonly classes: number;
  readonly depth: number;
  readonly width: number;
  readonly heads: number;
  readonly patch: number;
  readonly channels: readonly number[];
  readonly blocks: number;
  readonly groupSize: number;
}

const frequencies = 32;

export const add = (a: np.Array, b: np.Array | number): np.Array => np.add(a.ref, kept(b));
export const sub = (a: np.Array, b: np.Array | number): np.Array => np.subtract(a.ref, kept(b));
export const mul = (a: np.Array, b: np.Array | number): np.Array => np.multiply(a.ref, kept(b));
export const div = (a: np.Array, b: np.Array | number): np.Array => np.trueDivide(a.ref, kept(b));
export const sqrt = (a: np.Array): np.Array => np.sqrt(a.ref);
export const square = (a: np.Array): np.Array => mul(a, a);
export const reshape = (a: np.Array, shape: number[]): np.Array => np.reshape(a.ref, shape);
const transpose = (a: np.Array, order: number[]): np.Array => np.transpose(a.ref, order);
const silu = (a: np.Array): np.Array => mul(a, nn.sigmoid(a.ref));
const matmul = (a: np.Array, b: np.Array): np.Array => np.matmul(a.ref, b.ref);

function kept(b: np.Array | number): np.Array | number {
  return typeof b === 'number' ? b : b.ref;
}

/** The network of a configuration as the benchmark writes it. */
export function network(written: object): Network {
  const config = written as Config;
  const apply = { mlp, dit, unet }[config.type];
  if (apply === undefined) throw new RangeError(`no network of type '${config.type}'`);
  return (p, x, t, s, label) => apply(config, p, x, conditioning(config, p, t, s, label));
}

function mlp({ depth }: Config, p: Params, x: np.Array, c: np.Array): np.Array {
  let h = dense(p, 'input', x);
  for (let i = 0; i < depth; i++) {
    const inner = add(dense(p, `block${i}.inner`, rmsNorm(h)), dense(p, `block${i}.condition`, c));
    h = add(h, dense(p, `block${i}.outer`, silu(inner)));
  }
  return dense(p, 'output', rmsNorm(h));
}

function dit(config: Config, p: Params, x: np.Array, c: np.Array): np.Array {
  const { patch, width, depth, heads } = config;
  const [batch, channels, height, wide] = x.shape as [number, number, number, number];
  const [rows, columns] = [height / patch, wide / patch];
  const grid = reshape(x, [batch, channels, rows, patch, columns, patch]);
  const tokens = reshape(transpose(grid, [0, 2, 4, 1, 3, 5]), [batch, rows * columns, channels * patch * patch]);
  let h = add(dense(p, 'input', tokens), positionFeatures(rows, columns, width));
  for (let i = 0; i < depth; i++) h = block(p, `block${i}`, heads, h, c);
  const [shift, scale] = np.split(rowOf(dense(p, 'output.modulation', c)), 2, -1) as [np.Array, np.Array];
  const out = dense(p, 'output', add(mul(rmsNorm(h), add(scale, 1)), shift));
  const patches = reshape(out, [batch, rows, columns, channels, patch, patch]);
  return reshape(transpose(patches, [0, 3, 1, 4, 2, 5]), x.shape);
}

/** Attention and a perceptron, each behind an RMS norm that `c` scales, shifts and gates. */
function block(p: Params, name: string, heads: number, h: np.Array, c: np.Array): np.Array {
  const modulation = np.split(rowOf(dense(p, `${name}.modulation`, c)), 6, -1);
  const [shift1, scale1, gate1, shift2, scale2, gate2] = modulation as [
    ...[np.Array, np.Array, np.Array],
    ...[np.Array, np.Array, np.Array],
  ];
  const qkv = dense(p, `${name}.qkv`, add(mul(rmsNorm(h), add(scale1, 1)), shift1));
  const attended = add(h, mul(gate1, dense(p, `${name}.projection`, attention(qkv, heads))));
  const hidden = silu(dense(p, `${name}.inner`, add(mul(rmsNorm(attended), add(scale2, 1)), shift2)));
  return add(attended, mul(gate2, dense(p, `${name}.outer`, hidden)));
}

/** Attention of queries, keys and values side by side, `[batch, tokens, 3 width]`. */
function attention(qkv: np.Array, heads: number): np.Array {
  const [batch, tokens, width] = [qkv.shape[0]!, qkv.shape[1]!, qkv.shape[2]! / 3];
  const split = transpose(reshape(qkv, [batch, tokens, 3, heads, width / heads]), [2, 0, 3, 1, 4]);
  const parts = np.split(split, 3, 0).map((part) => reshape(part, [batch, heads, tokens, width / heads]));
  const [query, key, value] = parts as [np.Array, np.Array, np.Array];
  const scores = div(matmul(query, transpose(key, [0, 1, 3, 2])), Math.sqrt(width / heads));
  const mixed = matmul(nn.softmax(scores, -1), value);
  return reshape(transpose(mixed, [0, 2, 1, 3]), [batch, tokens, width]);
}

function unet(config: Config, p: Params, x: np.Array, c: np.Array): np.Array {
  const { channels, blocks, groupSize, heads } = config;
  const stage = (name: string, start: np.Array): np.Array =>
    Array.from({ length: blocks }).reduce<np.Array>(
      (h, _, i) => residualBlock(p, `${name}.${i}`, h, c, groupSize),
      start,
    );
  const skips: np.Array[] = [];
  let h = convolution(p, 'input', x);
  channels.forEach((_, level) => {
    h = stage(`down${level}`, level > 0 ? averagePool(h) : h);
    skips.push(h);
  });
  if (heads > 0) h = attentionBlock(p, 'middle.attention', h, heads);
  for (let level = channels.length - 1; level >= 0; level--) {
    if (level < channels.length - 1) h = add(skips[level]!, enlarge(convolution(p, `widen${level}`, h)));
    h = stage(`up${level}`, h);
  }
  return convolution(p, 'output', silu(normalize(h, groupSize)));
}

function residualBlock(p: Params, name: string, x: np.Array, c: np.Array, size: number): np.Array {
  const [scale, shift] = np.split(dense(p, `${name}.modulation`, c), 2, 1) as [np.Array, np.Array];
  const h = convolution(p, `${name}.inner`, silu(normalize(x, size)));
  const scaled = add(mul(normalize(h, size), add(perChannel(scale), 1)), perChannel(shift));
  const residual = convolution(p, `${name}.outer`, silu(scaled));
  return add(`${name}.skip.weight` in p ? convolution(p, `${name}.skip`, x) : x, residual);
}

function attentionBlock(p: Params, name: string, x: np.Array, heads: number): np.Array {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const tokens = transpose(reshape(x, [batch, channels, height * width]), [0, 2, 1]);
  const attended = dense(p, `${name}.projection`, attention(dense(p, `${name}.qkv`, rmsNorm(tokens)), heads));
  return add(x, reshape(transpose(attended, [0, 2, 1]), x.shape));
}

/** Root-mean-square group norm. */
function normalize(x: np.Array, size: number): np.Array {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const groups = reshape(x, [batch, channels / size, size * height * width]);
  const meanSquare = np.mean(square(groups), -1, { keepdims: true });
  return reshape(div(groups, sqrt(add(meanSquare, 1e-5))), x.shape);
}

function convolution(p: Params, name: string, x: np.Array): np.Array {
  const out = lax.convGeneralDilated(x.ref, p[`${name}.weight`]!.ref, [1, 1], 'SAME');
  return add(out, reshape(p[`${name}.bias`]!, [1, out.shape[1]!, 1, 1]));
}

function averagePool(x: np.Array): np.Array {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  return np.mean(reshape(x, [batch, channels, height / 2, 2, width / 2, 2]), [3, 5]);
}

/** Nearest-neighbour enlargement to twice the height and width. */
function enlarge(x: np.Array): np.Array {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const pixels = reshape(x, [batch, channels, height, 1, width, 1]);
  const wide = np.broadcastTo(pixels, [batch, channels, height, 2, width, 2]);
  return reshape(wide, [batch, channels, 2 * height, 2 * width]);
}

function conditioning({ classes }: Config, p: Params, t: np.Array, s: np.Array, label: np.Array | undefined): np.Array {
  const time = dense(p, 'time.1', silu(dense(p, 'time.0', timeFeatures(t))));
  const c = add(time, dense(p, 'interval.1', silu(dense(p, 'interval.0', timeFeatures(sub(t, s))))));
  return silu(label === undefined ? c : add(c, matmul(nn.oneHot(label.ref, classes), p['class.weight']!)));
}

/** Cosines, then sines of `t`, with angular frequencies in geometric progression from 1.5 to 25. */
function timeFeatures(t: np.Array): np.Array {
  const rates = Float32Array.from({ length: frequencies }, (_, k) => 1.5 * (25 / 1.5) ** (k / (frequencies - 1)));
  const angles = mul(reshape(t, [t.shape[0]!, 1]), np.array(rates));
  return np.concatenate([np.cos(angles.ref), np.sin(angles.ref)], -1);
}

/** For each token, sine and cosine of its row, then of its column, at `width / 4` frequencies. */
function positionFeatures(rows: number, columns: number, width: number): np.Array {
  const quarter = width / 4;
  const features = Float32Array.from({ length: rows * columns * width }, (_, i) => {
    const [token, feature] = [Math.floor(i / width), i % width];
    const part = Math.floor(feature / quarter);
    const place = part < 2 ? Math.floor(token / columns) : token % columns;
    const angle = place * 10_000 ** (-(feature % quarter) / quarter);
    return part % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
  return np.array(features, { shape: [rows * columns, width] });
}

function dense(p: Params, name: string, x: np.Array): np.Array {
  return add(matmul(x, p[`${name}.weight`]!), p[`${name}.bias`]!);
}

function rmsNorm(x: np.Array): np.Array {
  return div(x, sqrt(add(np.mean(square(x), -1, { keepdims: true }), 1e-6)));
}

/** `[batch, width]` as one token. */
function rowOf(x: np.Array): np.Array {
  return reshape(x, [x.shape[0]!, 1, x.shape[1]!]);
}

function perChannel(x: np.Array): np.Array {
  return reshape(x, [x.shape[0]!, x.shape[1]!, 1, 1]);
}
