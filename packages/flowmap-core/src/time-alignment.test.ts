import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, type HostTensors, type Tensors } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { expect, test } from 'vitest';
import { conditioning } from './networks/conditioning.js';
import { mlp } from './networks/mlp.js';
import { alignTimeEmbedding, edmNoiseTime } from './time-alignment.js';

const width = 24;
const config = { type: 'mlp', shape: [1], interval: false } as const;
const params = mlp({ shape: [1], width, depth: 1 }).init(0);

/** EDM's embedding of its `c_noise`: sinusoids, of which a small network has 24. */
function edmEmbedding(cNoise: number): number[] {
  return Array.from({ length: width }, (_, k) => {
    const angle = (1 + Math.floor(k / 2)) * cNoise;
    return k % 2 === 0 ? Math.cos(angle) : Math.sin(angle);
  });
}

/** The network's own embedding of times. */
async function embeddings(of: HostTensors, times: readonly number[]): Promise<number[][]> {
  const own = Object.entries(of).filter(([name]) => name.startsWith('time.'));
  const names = own.map(([name]) => name);
  const { data } = await evaluate(
    referenceRuntime(),
    (t, ...values) => {
      const symbols: Tensors = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
      return conditioning(config, width).apply(symbols, { x: t, t });
    },
    [hostTensor([times.length], Float64Array.from(times)), ...own.map(([, value]) => value)],
  );
  return times.map((_, i) => Array.from(data.slice(i * width, (i + 1) * width)));
}

test('an embedding that the network can have is found again', async () => {
  const other = mlp({ shape: [1], width, depth: 1 }).init(0);
  const target: HostTensors = { ...other, 'time.1.bias': hostTensor([width], new Float32Array(width).fill(0.5)) };
  const times = Array.from({ length: 129 }, (_, i) => i / 128);
  const known = new Map((await embeddings(target, times)).map((row, i) => [times[i]!, row]));
  const between = Array.from({ length: 64 }, (_, i) => (2 * i + 1) / 128);
  const aligned = alignTimeEmbedding({
    params: { ...params, 'time.1.weight': hostTensor([width, width], new Float32Array(width ** 2)) },
    old: (t) => known.get(t)!,
    samples: 65,
  });
  // The ridge and the rounding to float32 leave about 1e-4.
  expect(aligned.relativeError).toBeLessThan(1e-3);
  const found = await embeddings(aligned.params, between);
  found.forEach((row, i) => row.forEach((value, k) => expect(value).toBeCloseTo(known.get(between[i]!)![k]!, 3)));
});

test("EDM's embedding of log sigma is matched, with the error that the network has then", async () => {
  const old = (t: number): number[] => edmEmbedding(edmNoiseTime(t));
  const aligned = alignTimeEmbedding({ params, old, samples: 257 });
  // It was 0.148 with these 24 hidden units; 0.2 would mean that the fit has become worse.
  expect(aligned.relativeError).toBeLessThan(0.2);
  const inside = alignTimeEmbedding({ params, old, samples: 257, range: [0.1, 0.9] });
  expect(inside.relativeError).toBeLessThan(aligned.relativeError / 2);
  // It is worst where log sigma is steep.
  expect(Math.min(aligned.worst.t, 1 - aligned.worst.t)).toBeLessThan(0.05);
  const [row] = await embeddings(aligned.params, [0.4]);
  const off = Math.sqrt(row!.reduce((sum, value, k) => sum + (value - old(0.4)[k]!) ** 2, 0) / width);
  expect(off).toBeLessThan(aligned.worst.error);
  expect(aligned.params['input.weight']).toBe(params['input.weight']);
});

test('the noise time is that of EDM within what its networks have seen', () => {
  expect(edmNoiseTime(0.5)).toBe(0);
  expect(edmNoiseTime(0.8)).toBeCloseTo(Math.log(4) / 4, 12);
  expect(edmNoiseTime(0)).toBeCloseTo(Math.log(0.002) / 4, 12);
  expect(edmNoiseTime(1)).toBeCloseTo(Math.log(80) / 4, 12);
});

test('what does not fit is refused', () => {
  const old = (): number[] => new Array<number>(width).fill(0);
  expect(() => alignTimeEmbedding({ params: {}, old })).toThrow('wanted the parameters of a time embedding');
  expect(() => alignTimeEmbedding({ params, old: () => [1] })).toThrow('wanted 24 numbers');
  expect(() => alignTimeEmbedding({ params, old: () => new Array<number>(width).fill(NaN) })).toThrow('finite');
  expect(() => alignTimeEmbedding({ params, old, range: [0.5, 0.5] })).toThrow('alignTimeEmbedding.range');
});
