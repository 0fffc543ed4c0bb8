// The AYF-EMD step and the flow map's sampler in jax-js on wasm, each one jitted function: see README.md.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { decodeSafetensors } from '@flowmap/core';
import { normals, uniforms } from '@flowmap/tensor';
import { blockUntilReady, defaultDevice, init, jit, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { servePeer } from '../serve-peer.js';
import { ayfEmd } from './jax-js-ayf-emd.js';
import { add, div, mul, network, reshape, sqrt, square, sub, type Params } from './jax-js-models.js';

/** Inputs of a step: x0, noise, t, s and, for classes, label. */
type Batch = Record<string, np.Array>;

interface State extends Record<string, Params | np.Array> {
  params: Params;
  ema: Params;
  m: Params;
  v: Params;
  step: np.Array;
}

interface Task {
  readonly config: object;
  readonly times: readonly number[];
  readonly settings: Readonly<Record<'r' | 'c' | 'learningRate' | 'beta1' | 'beta2' | 'epsilon' | 'emaDecay', number>>;
}

const [folder = ''] = process.argv.slice(2);
const { config, times, settings } = JSON.parse(readFileSync(join(folder, 'task.json'), 'utf8')) as Task;
const { tensors } = decodeSafetensors(readFileSync(join(folder, 'task.safetensors')), 'task.safetensors');
const given = Object.keys(tensors).filter((name) => !name.startsWith('params.'));
const names = Object.keys(tensors).filter((name) => name.startsWith('params.'));
const count = tensors['t']!.data.length;

await init('wasm');
defaultDevice('wasm');
const F = network(config);
const step = jit(trainingStep);
const sampler = jit(sampled);
const initial = (): Params => Object.fromEntries(names.map((name) => [name.slice('params.'.length), arrayOf(name)]));
const zeros = (): Params =>
  Object.fromEntries(Object.entries(initial()).map(([name, { shape }]) => [name, np.zeros(shape)]));
let state: State = { params: initial(), ema: initial(), m: zeros(), v: zeros(), step: np.array(0) };

const manifest = join(createRequire(import.meta.url).resolve('@jax-js/jax'), '../../package.json');
const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
const parameters = names.reduce((total, name) => total + tensors[name]!.data.length, 0);
let drawn = 0;
await servePeer(
  { runtime: `jax-js ${version}, jit on wasm`, parameters },
  { check, runs: { train: () => train(freshBatch()), sample: () => sample(freshBatch()) } },
);

function arrayOf(name: string): np.Array {
  const { shape, data } = tensors[name]!;
  return np.array(name === 'label' ? Int32Array.from(data) : Float32Array.from(data), { shape: [...shape] });
}

function givenBatch(): Batch {
  return Object.fromEntries(given.map((name) => [name, arrayOf(name)]));
}

/** The same data with new noise and new intervals [s, t], as a training loop draws them. */
function freshBatch(): Batch {
  const key = (purpose: string) => ({ seed: 0, purpose, step: drawn });
  drawn++;
  const length = Float32Array.from(normals(key('length'), count), (z) => 1 / (1 + Math.exp(0.8 - z)));
  const s = Float32Array.from(uniforms(key('start'), count), (u, i) => u * (1 - length[i]!));
  const { shape, data } = tensors['noise']!;
  const noise = np.array(Float32Array.from(normals(key('noise'), data.length)), { shape: [...shape] });
  return { ...givenBatch(), noise, t: np.array(s.map((start, i) => start + length[i]!)), s: np.array(s) };
}

/** One training step; returns its loss and metrics. */
async function train(batch: Batch): Promise<Record<string, number>> {
  const [next, metrics] = step(state, batch);
  state = await blockUntilReady(next);
  const values: Record<string, number> = {};
  for (const [name, value] of Object.entries(metrics)) values[name] = (await valuesOf(value))[0]!;
  return values;
}

function trainingStep(old: State, batch: Batch): [State, Record<string, np.Array>] {
  const { beta1, beta2, learningRate, epsilon, emaDecay } = settings;
  const differentiated = valueAndGrad(objective, { hasAux: true })(tree.ref(old.params), batch);
  const [[loss, metrics], gradient] = differentiated as unknown as [[np.Array, Record<string, np.Array>], Params];
  const squares = Object.values(gradient).map((g) => np.sum(square(g)));
  const gradientNorm = sqrt(squares.reduce(add));
  const done = add(old.step, 1);
  const correction = (beta: number): np.Array => sub(np.exp(mul(done, Math.log(beta))), 1);
  const [rate, scale] = [div(correction(beta1), -learningRate), mul(correction(beta2), -1)];
  const next: State = { params: {}, ema: {}, m: {}, v: {}, step: done };
  for (const [name, g] of Object.entries(gradient)) {
    const m = add(mul(old.m[name]!, beta1), mul(g, 1 - beta1));
    const v = add(mul(old.v[name]!, beta2), mul(square(g), 1 - beta2));
    const p = sub(old.params[name]!, div(m, mul(rate, add(sqrt(div(v, scale)), epsilon))));
    next.m[name] = m;
    next.v[name] = v;
    next.params[name] = p;
    next.ema[name] = add(p, mul(sub(old.ema[name]!, p), emaDecay));
  }
  return [next, { ...metrics, loss, gradientNorm }];
}

function objective(params: Params, { x0, noise, t, s, label }: Batch): [np.Array, Record<string, np.Array>] {
  const time = reshape(t!, [count, ...x0!.shape.slice(1).map(() => 1)]);
  const velocity = sub(noise!, x0!);
  const averageVelocity = (x: np.Array, at: np.Array): np.Array => F(params, x, at, s!, label);
  return ayfEmd(averageVelocity, add(x0!, mul(time, velocity)), t!, s!, velocity, settings.r, settings.c);
}

/** Points that the flow map reaches from the batch's noise. */
async function sample({ noise, label }: Batch): Promise<ArrayLike<number>> {
  const labels = label === undefined ? {} : { label };
  return valuesOf(sampler(tree.ref(state.params), { noise: noise!, ...labels }));
}

function sampled(params: Params, { noise, label }: Batch): np.Array {
  let x = noise!;
  times.slice(1).forEach((end, i) => {
    const start = times[i]!;
    const velocity = F(params, x, np.full([count], start), np.full([count], end), label);
    x = add(x, mul(velocity, end - start));
  });
  return x;
}

async function check(): Promise<Record<string, number[]>> {
  const values: Record<string, number[]> = { samples: Array.from(await sample(givenBatch())).slice(0, 64) };
  for (const number of [1, 2]) {
    const metrics = await train(givenBatch());
    for (const [name, value] of Object.entries(metrics)) values[`${name} of step ${number}`] = [value];
  }
  return { ...values, moved: [await distance(state.params)], emaMoved: [await distance(state.ema)] };
}

/** How far parameters have moved. */
async function distance(params: Params): Promise<number> {
  let total = 0;
  for (const name of names) {
    const now = await valuesOf(params[name.slice('params.'.length)]!.ref);
    tensors[name]!.data.forEach((value, i) => (total += (now[i]! - value) ** 2));
  }
  return Math.sqrt(total);
}

async function valuesOf(array: np.Array): Promise<ArrayLike<number>> {
  // The type that jax-js declares names Float16Array, which this version of TypeScript does not
  // know.
  return (await (array.data() as Promise<unknown>)) as ArrayLike<number>;
}
