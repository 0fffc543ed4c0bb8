import {
  gaussianFlowMap,
  gaussianVelocity,
  interpolate,
  mixtureFlowMap,
  mixtureVelocity,
  perSample,
  type FlowMap,
  type VelocityField,
} from '@flowmap/core';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { full, gradients, hostTensor, normals, uniforms, type Runtime, type Tensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { expect, test } from 'vitest';
import { ayfEmd, type AyfEmdOptions } from './ayf-emd.js';

const law = { mean: 0.3, std: 0.5 };
const mixture = { weights: [0.3, 0.7], means: [-1, 1.2], stds: [0.3, 0.5] };

/** Parameters of {@link perturbed}, at which it is the exact map, and ones that move each of its terms. */
const EXACT = [0, 0, 0, 0];
const PERTURBED = [0.05, -0.05, 0.05, 0.05];

/** `F = (1 + p0) F* + p1 + p2 t x + p3 s`, for an exact F*. */
function perturbed({ averageVelocity }: Pick<FlowMap, 'averageVelocity'>, p: readonly Tensor[]): FlowMap {
  const [scale, shift, slope, target] = p as [Tensor, Tensor, Tensor, Tensor];
  const student: FlowMap = {
    averageVelocity: (x, t, s) =>
      averageVelocity(x, t, s)
        .mul(scale.add(1))
        .add(shift)
        .add(perSample(t, x).mul(x).mul(slope))
        .add(perSample(s, x).mul(target)),
    map: (x, t, s) => x.add(perSample(s.sub(t), x).mul(student.averageVelocity(x, t, s))),
    under: () => student,
  };
  return student;
}

/** Norm of the gradient of EMD with r = 1 by the parameters, over 64 samples whose times are at least 0.01 apart. */
async function gradientNorm(
  runtime: Runtime,
  { map, teacher }: { readonly map: FlowMap; readonly teacher: VelocityField },
  parameters: readonly number[],
  { isUp, ...options }: AyfEmdOptions & { readonly isUp: boolean },
): Promise<number> {
  const count = 64;
  const u = uniforms({ seed: 0, purpose: 'times' }, 2 * count);
  const low = Float64Array.from({ length: count }, (_, i) => 0.9 * u[2 * i]!);
  const high = Float64Array.from(low, (start, i) => start + 0.01 + (0.99 - start) * u[2 * i + 1]!);
  const points = ['data', 'noise'].map((purpose) => hostTensor([count, 1], normals({ seed: 0, purpose }, count)));
  const times = (isUp ? [low, high] : [high, low]).map((values) => hostTensor([count], values));
  const found = await evaluate(
    runtime,
    (x0, noise, t, s, ...p) => {
      const xt = interpolate(x0, noise, t);
      const velocity = (x: Tensor, time: Tensor): Tensor => teacher.velocity({}, { x, t: time });
      const batch = { x0, noise, xt, t, s, draws: {}, own: {}, velocity, schedules: { r: full(1) } };
      return gradients(ayfEmd(options).loss({ ...batch, student: perturbed(map, p) }).loss, p);
    },
    [...points, ...times, ...parameters.map((value) => hostTensor([], [value]))],
  );
  return Math.hypot(...found.map(({ data }) => data[0]!));
}

const gaussian = { map: gaussianFlowMap(law), teacher: gaussianVelocity(law) };
const mixed = { map: mixtureFlowMap(mixture), teacher: mixtureVelocity(mixture) };
const float64 = referenceRuntime();

// Relative to the gradient at the perturbed map. Rounding to float32 leaves about 1e-7 of numbers of size 1 in g. The
// mixture's map is solved to about 1e-13, then divided by lengths from 0.01 on, twice for derivatives.
test.each([
  ['Gaussian data in double precision', gaussian, 'float64', 1e-10],
  ['Gaussian data in single precision', gaussian, 'float32', 1e-5],
  ['a mixture in double precision', mixed, 'float64', 1e-7],
] as const)('the gradient vanishes at the exact map of %s, in both directions', async (_, exact, precision, bound) => {
  const runtime = precision === 'float64' ? float64 : await onnxRuntime({ device: 'cpu', threads: 1 });
  for (const isUp of [false, true]) {
    for (const c of [Infinity, 0.1]) {
      const [at, off] = [
        await gradientNorm(runtime, exact, EXACT, { c, isUp }),
        await gradientNorm(runtime, exact, PERTURBED, { c, isUp }),
      ];
      expect(off).toBeGreaterThan(1e-2);
      expect(at / off, `c = ${c}, ${isUp ? 'up' : 'down'}`).toBeLessThan(bound);
    }
  }
});
