import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import {
  hostTensor,
  input,
  reachable,
  roundTo,
  simplify,
  uniforms,
  type FloatDType,
  type HostTensor,
  type Runtime,
  type Tensor,
} from '@flowmap/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exactExpressions, toNumber } from './random/exact.js';

const names = ['a', 'b', 'c', 'd'];

/** Few enough magnitudes that terms cancel and products return into range. */
const wide = [1e-38, 1e-30, 1e-20, 1e-8, 1, 3, 1e8, 1e20, 1e30, 1e38, 2e38, 3e38];
const narrow = [6e-8, 1e-4, 1e-2, 1, 3, 1e2, 1e4, 2e4, 6e4];

/** Outputs of the program as written, or simplified. */
async function run(
  runtime: Runtime,
  inputs: Readonly<Record<string, Tensor>>,
  outputs: readonly Tensor[],
  feeds: Readonly<Record<string, HostTensor>>,
): Promise<number[][]> {
  const named = Object.fromEntries(outputs.map((tensor, i) => [`y${i}`, tensor]));
  const nodes = [...new Set([...Object.values(inputs), ...reachable(outputs)])];
  const executable = await runtime.compile({ name: 'range', inputs, state: {}, outputs: named, updates: {}, nodes });
  const results = await executable.run(feeds);
  return Promise.all(outputs.map(async (_, i) => Array.from((await results[`y${i}`]!.read()).data)));
}

// The reference uses doubles for float32, without its range; TensorFlow.js computes in float32 itself.
describe.each<{ dtype: FloatDType; rounding: number; sizes: number[]; open: () => Promise<Runtime> }>([
  { dtype: 'float32', rounding: 2 ** -24, sizes: wide, open: () => tfjsRuntime({ backend: 'cpu' }) },
  { dtype: 'bfloat16', rounding: 2 ** -9, sizes: wide, open: () => Promise.resolve(referenceRuntime()) },
  { dtype: 'float16', rounding: 2 ** -12, sizes: narrow, open: () => Promise.resolve(referenceRuntime()) },
])('simplified $dtype', ({ dtype, rounding, sizes, open }) => {
  const inDtype = (value: number): number => (dtype === 'float32' ? Math.fround(value) : roundTo(value, dtype));

  test('is right wherever the graph as written is: nothing overflows, vanishes or loses a small term', async () => {
    const constants = [...sizes, ...sizes.map((size) => -size), 0.25, 0.5, 2, 4, -2].map(inDtype);
    const expressions = fc.sample(exactExpressions(names, constants), { seed: 1, numRuns: 1500 });
    const values = Object.fromEntries(
      names.map((name, sample) => {
        const u = uniforms({ seed: 0, purpose: 'range', sample }, 8);
        const draw = (i: number): number => sizes[Math.floor(u[i]! * sizes.length)]! * (u[i + 4]! < 0.5 ? 1 : -1);
        return [name, [0, 1, 2, 3].map((i) => inDtype(draw(i)))] as const;
      }),
    );
    const feeds = Object.fromEntries(names.map((name) => [name, hostTensor([4], values[name]!, dtype)]));
    const inputs = Object.fromEntries(names.map((name) => [name, input(name, [4], dtype)]));
    const runtime = await open();
    const written = expressions.map(({ tensor }) => tensor(inputs));
    const plain = await run(runtime, inputs, written, feeds);
    const simplified = await run(runtime, inputs, simplify(written), feeds);

    let right = 0;
    const wrong: string[] = [];
    expressions.forEach(({ text, values: exact }, i) => {
      exact(values).forEach((value, j) => {
        const wanted = toNumber(value);
        // Thirty operations with one rounding each.
        const isRight = (got: number, tolerance: number): boolean =>
          Number.isFinite(got) && Math.abs(got - wanted) <= tolerance * Math.abs(wanted);
        if (!isRight(plain[i]![j]!, 32 * rounding)) return;
        right++;
        const got = simplified[i]![j]!;
        if (!isRight(got, 64 * rounding)) wrong.push(`${text}: wanted ${wanted}, got ${got}`);
      });
    });
    expect(wrong).toEqual([]);
    expect(right, 'numbers that are right as written').toBeGreaterThan(1500);
  });
});
