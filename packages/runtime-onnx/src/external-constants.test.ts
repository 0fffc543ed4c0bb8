import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { bind, freeze, hostTensor, normals, program, type HostData, type HostTensor } from '@flowmap/tensor';
import * as ort from 'onnxruntime-node';
import { describe, expect, it, test } from 'vitest';
import type { ExternalConstant } from './encode-model.js';
import { standardRules } from './lowering/table.js';
import { onnxRuntime } from './onnx-runtime.js';
import { plainSessions, type CreateSession } from './session.js';
import { sessionOptions } from './session-options.js';
import { modelOf, toOnnx } from './to-onnx.js';
import { findCApi } from './in-place/open.js';
import { inPlaceSessions } from './in-place/sessions.js';

const draw = (purpose: string, size: number): Float32Array<ArrayBuffer> =>
  Float32Array.from(normals({ seed: 0, purpose }, size));

/** Weights and bias that are views into larger arrays; the bias is below the size from which constants are external. */
const weights = draw('weights', 256 * 256 + 8).subarray(8);
const added = draw('added', 40_008).subarray(8);
const bias = draw('bias', 256);
const state = { w: [256, 256], b: [1, 256], a: [40_000] };
const layer = program('layer', { inputs: { x: [4, 256], z: [40_000] }, state }, ({ x, z }, { w, b, a }) => ({
  outputs: { y: x.matmul(w).add(b), sum: z.add(a) },
}));
const values = {
  w: hostTensor(state.w, weights),
  b: hostTensor(state.b, bias),
  a: hostTensor(state.a, added),
};
const options = sessionOptions('cpu', 'cpu', { threads: 1 });
const feeds = {
  x: new ort.Tensor('float32', draw('x', 4 * 256), [4, 256]),
  z: new ort.Tensor('float32', draw('z', 40_000), [40_000]),
};

const { api } = await findCApi();
const kinds: [string, CreateSession][] = [
  ['plain', plainSessions(ort)],
  ...(api ? ([['in place', inPlaceSessions(api)]] as [string, CreateSession][]) : []),
];

describe.each(kinds)('constants beside the model of a session %s', (_, create) => {
  it('give the bits of those in it, and are copied', async () => {
    const results = async (model: Uint8Array, external: readonly ExternalConstant[]): Promise<HostData[]> => {
      const session = await create(model, { ...options, ...(external.length > 0 ? { externalData: external } : {}) });
      // What happens to the caller's arrays no longer matters.
      for (const { data } of external) data.fill(0);
      const y = new ort.Tensor('float32', new Float32Array(4 * 256), [4, 256]);
      const sum = new ort.Tensor('float32', new Float32Array(40_000), [40_000]);
      const there = await session.run(feeds, session.inPlace ? { y, sum } : undefined);
      const found = [there['y']!.data, there['sum']!.data].map((data) => (data as Float32Array).slice());
      await session.release();
      return found;
    };
    const frozen = freeze(layer, values);
    const inside = await results(toOnnx(frozen), []);
    const external: ExternalConstant[] = [];
    const model = modelOf(frozen, standardRules, external);
    expect(external.map(({ data }) => data.byteLength).sort()).toEqual([160_000, 262_144]);
    expect(model.byteLength).toBeLessThan(10_000);
    const beside = external.map(({ path, data }) => {
      const padded = new Uint8Array(data.byteLength + 16);
      padded.set(data, 16);
      return { path, data: padded.subarray(16) };
    });
    expect(await results(model, beside)).toEqual(inside);
  });
});

test('a compiled program does not see later changes of arrays that freeze was told not to copy', async () => {
  const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
  const w = hostTensor(state.w, weights.slice());
  const executable = await runtime.compile(freeze(layer, { ...values, w }, { copy: false }));
  const inputs = { x: hostTensor([4, 256], draw('x', 4 * 256)), z: hostTensor([40_000], draw('z', 40_000)) };
  const run = async (): Promise<HostData> => (await (await executable.run(inputs))['y']!.read()).data;
  const before = await run();
  w.data.fill(0);
  expect(await run()).toEqual(before);
  await executable.dispose();
});

const canWatch = ((): boolean => {
  try {
    accessSync('/proc/self/clear_refs', constants.W_OK);
    return true;
  } catch {
    return false;
  }
})();

test('a constant that comes in blocks of rows gives the products of a whole one', async () => {
  const [rows, columns] = [2900, 3001];
  const shapes = { w: [rows, columns], b: [2, columns] };
  const products = program(
    'products',
    { inputs: { x: [2, rows], turned: [rows, 2], z: [2, columns] }, state: shapes },
    ({ x, turned, z }, { w, b }) => ({
      outputs: {
        plain: x.matmul(w).add(b),
        left: bind('matmul', [turned, w], { transposeA: true, transposeB: false }),
        right: bind('matmul', [z, w], { transposeA: false, transposeB: true }),
      },
    }),
  );
  const host = (name: string, [n, m]: readonly [number, number]): HostTensor => hostTensor([n, m], draw(name, n * m));
  const frozen = { w: host('w', [rows, columns]), b: host('b', [2, columns]) };
  const inputs = { x: host('x', [2, rows]), turned: host('turned', [rows, 2]), z: host('z', [2, columns]) };
  const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
  const results: HostData[][] = [];
  for (const isFrozen of [true, false]) {
    const executable = await runtime.compile(isFrozen ? freeze(products, frozen, { copy: false }) : products);
    if (!isFrozen) await executable.writeState(frozen);
    const outputs = await executable.run(inputs);
    results.push(await Promise.all(['plain', 'left', 'right'].map(async (name) => (await outputs[name]!.read()).data)));
    await executable.dispose();
  }
  const external: ExternalConstant[] = [];
  modelOf(freeze(products, frozen, { copy: false }), standardRules, external);
  expect(external.map(({ data }) => data.byteLength)).toEqual(
    expect.arrayContaining([Math.floor(rows / 8) * columns * 4]) as number[],
  );
  for (const [i, whole] of results[1]!.entries()) {
    // Sums of 3,000 terms of size 1 in another order, about 50 in size.
    const errors = Array.from(whole, (value, j) => Math.abs(results[0]![i]![j]! - value));
    expect(Math.max(...errors)).toBeLessThan(5e-4);
  }
});

// The parameters, onnxruntime's layout of them, and a seventh or an eighth on its way from one to the other: 2.14, plus a
// third as a margin.
test.skipIf(!canWatch).each([
  [8, 3840],
  [1, 7680],
])(
  'compiling takes memory for at most 2.5 copies of parameters that are %i of %i rows',
  { timeout: 300_000 },
  (...sizes) => {
    const script = join(import.meta.dirname, 'node/__fixtures__/frozen-peak.ts');
    const args = ['--conditions=@flowmap/source', '--import', 'tsx', script, ...sizes.map(String)];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(stderr).toBe('');
    const { copies, value } = JSON.parse(stdout) as { copies: number; value: number };
    expect(copies).toBeLessThanOrEqual(2.5);
    expect(copies).toBeGreaterThan(1);
    expect(value).toBeCloseTo(1, 4);
  },
);
