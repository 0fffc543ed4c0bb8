import { hostTensor, normals } from '@flowmap/tensor';
import { features, type Features } from '../features.js';

/** The points of `tools/reference/evaluation.py`: `n` points around `shift`, in a subspace of dimension `rank`. */
export function goldenSamples(seed: number, n: number, d: number, rank: number, shift: number): Features {
  let state = seed;
  const draw = (count: number): Float64Array =>
    Float64Array.from({ length: count }, () => {
      state = (state * 16807) % 2147483647;
      return state / 2147483647 - 0.5;
    });
  const z = draw(n * rank);
  const mix = draw(rank * d);
  const values = new Float64Array(n * d).fill(shift);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < rank; k++) {
      for (let j = 0; j < d; j++) values[i * d + j]! += z[i * rank + k]! * mix[k * d + j]!;
    }
  }
  return features(hostTensor([n, d], values));
}

/** Normally distributed points `mean + std * z`. */
export function gaussian(seed: number, n: number, d: number, { mean = 0, std = 1 } = {}): Features {
  const values = normals({ seed, purpose: 'test' }, n * d).map((value) => mean + std * value);
  return features(hostTensor([n, d], values));
}

/** An orthogonal matrix `[n, n]`: normal vectors, each orthogonalised against those before it, twice. */
export function orthogonal(seed: number, n: number): Float64Array {
  const q = normals({ seed, purpose: 'orthogonal' }, n * n);
  for (let i = 0; i < n; i++) {
    const row = q.subarray(i * n, (i + 1) * n);
    for (let j = 0; j < 2 * i; j++) {
      const other = q.subarray((j % i) * n, ((j % i) + 1) * n);
      const share = row.reduce((sum, value, k) => sum + value * other[k]!, 0);
      row.forEach((value, k) => (row[k] = value - share * other[k]!));
    }
    const length = Math.hypot(...row);
    row.forEach((value, k) => (row[k] = value / length));
  }
  return q;
}

/** `Q^T diag(spectrum) Q`. */
export function withSpectrum(q: Float64Array, spectrum: readonly number[]): Float64Array {
  const n = spectrum.length;
  const out = new Float64Array(n * n);
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) out[i * n + j]! += spectrum[k]! * q[k * n + i]! * q[k * n + j]!;
  }
  return out;
}

/** Points rotated by an orthogonal matrix. */
export function rotated({ values, count, width }: Features, q: Float64Array): Features {
  const out = new Float64Array(values.length);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < width; j++) {
      for (let k = 0; k < width; k++) out[i * width + j]! += q[j * width + k]! * values[i * width + k]!;
    }
  }
  return features(hostTensor([count, width], out));
}
