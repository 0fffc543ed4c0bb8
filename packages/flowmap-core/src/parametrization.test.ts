import { hostTensor, jvp, full, normals, type HostTensor, type Tensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, expect, test } from 'vitest';
import { gaussianFlowMap, gaussianVelocity } from './closed-forms.js';
import { flowMap } from './flow-map.js';
import { defineNetwork } from './networks/network.js';
import {
  eulerParametrization,
  trigonometricOutput,
  trigonometricParametrization,
  type Parametrization,
} from './parametrization.js';
import { trigonometricPath } from './path.js';
import type { FlowMap } from './plugins.js';

const runtime = referenceRuntime();
const law = { mean: 0.7, std: 0.5 };
const exact = gaussianFlowMap(law, trigonometricPath);
const field = gaussianVelocity(law, trigonometricPath);

const COUNT = 6;
const x = hostTensor([COUNT, 1], normals({ seed: 1, purpose: 'x' }, COUNT));
const t = hostTensor([COUNT], Float64Array.of(1, 0.7, 0.3, 0.9, 0.2, 1));
const s = hostTensor([COUNT], Float64Array.of(0, 0.2, 0.9, 0.899999, 0.1, 0.5));

type Function3 = (x: Tensor, t: Tensor, s: Tensor) => Tensor;

/** The flow map that a parametrisation makes from a network with the given output. */
function mapOf(output: Function3, parametrization: Parametrization): FlowMap {
  const config = { type: 'function', shape: [1], interval: true };
  const network = defineNetwork(config, {}, (_, { x, t, s }) => output(x, t, s!));
  return flowMap(network, {}, { parametrization });
}

/**
 * The output for which the trigonometric parametrisation gives the exact map, by solving the formula for it; t and s
 * must differ.
 */
const exactOutput: Function3 = (x, t, s) => {
  const d = t.sub(s).mul(Math.PI / 2).reshape([COUNT, 1]); // prettier-ignore
  const kept = d.cos().mul(x);
  return kept.sub(exact.map(x, t, s)).div(d.sin());
};

const output: Function3 = (x, t, s) => x.mul(1.3).add(t.sub(s.mul(0.4)).reshape([COUNT, 1])).sin(); // prettier-ignore

const results = (f: (x: Tensor, t: Tensor, s: Tensor) => readonly Tensor[]): Promise<readonly HostTensor[]> =>
  evaluate(runtime, (...args) => f(...(args as [Tensor, Tensor, Tensor])), [x, t, s]);

function expectClose(got: HostTensor, wanted: HostTensor, tolerance: number): void {
  got.data.forEach((value, i) => expect(Math.abs(value - wanted.data[i]!), `at ${i}`).toBeLessThan(tolerance));
}

describe.each([eulerParametrization, trigonometricParametrization])('the parametrisation $name', (parametrization) => {
  const map = mapOf(output, parametrization);

  test('is f = skip x + out F = x + (s - t) times the average velocity', async () => {
    const [f, parts, straight] = await results((x, t, s) => {
      const [skip, out] = [parametrization.skip(t, s), parametrization.out(t, s)];
      const column = (factor: Tensor): Tensor => factor.reshape([COUNT, 1]);
      const kept = column(skip).mul(x);
      return [
        map.map(x, t, s),
        kept.add(column(out).mul(output(x, t, s))),
        x.add(column(s.sub(t)).mul(map.averageVelocity(x, t, s))),
      ];
    });
    expectClose(f!, parts!, 1e-15);
    expectClose(f!, straight!, 1e-14);
  });

  test('leaves points unchanged at s = t, to the bit, and has finite derivatives there', async () => {
    const [f, x, average, slope, bend] = await results((x, t, s) => {
      const same = s.mul(0).add(t);
      const change = (f: (s: Tensor) => Tensor) => (s: Tensor) => jvp(f, [s], [full(1, s.shape)])[1];
      const average = (s: Tensor): Tensor => map.averageVelocity(x, t, s);
      return [map.map(x, t, same), x, average(same), change(average)(same), change(change(average))(same)];
    });
    expect(f!.data).toEqual(x!.data);
    for (const { data } of [average!, slope!, bend!]) expect(data.every(Number.isFinite)).toBe(true);
  });

  test('has an average velocity that is the mean of df/ds over the interval', async () => {
    // Near s = t the quotient of the definition loses digits, about 1e-16 / |s - t|.
    const [average, quotient] = await results((x, t, s) => {
      const change = map.map(x, t, s).sub(x);
      return [map.averageVelocity(x, t, s), change.div(s.sub(t).reshape([COUNT, 1]))];
    });
    expectClose(average!, quotient!, 1e-9);
  });
});

describe('the trigonometric parametrisation', () => {
  test('of the right output is the exact map, with the exact average velocity', async () => {
    const map = mapOf(exactOutput, trigonometricParametrization);
    const [f, wanted, average, wantedAverage] = await results((x, t, s) => [
      map.map(x, t, s),
      exact.map(x, t, s),
      map.averageVelocity(x, t, s),
      exact.averageVelocity(x, t, s),
    ]);
    expectClose(f!, wanted!, 1e-14);
    expectClose(average!, wantedAverage!, 1e-9);
  });

  test('has an inverse, which gives the output of an average velocity', async () => {
    const map = mapOf(output, trigonometricParametrization);
    const [found, wanted] = await results((x, t, s) => [
      trigonometricOutput(map.averageVelocity(x, t, s), x, t, s),
      output(x, t, s),
    ]);
    expectClose(found!, wanted!, 1e-13);
  });

  test('has pi / 2 times the output as its velocity at s = t', async () => {
    const ofVelocity: Function3 = (x, t) => field.velocity({}, { x, t }).mul(2 / Math.PI);
    const map = mapOf(ofVelocity, trigonometricParametrization);
    const mapOfOutput = mapOf(output, trigonometricParametrization);
    const [velocity, wanted, alone] = await results((x, t) => [
      map.averageVelocity(x, t, t),
      field.velocity({}, { x, t }),
      mapOfOutput.averageVelocity(x, t, t).sub(output(x, t, t).mul(Math.PI / 2)),
    ]);
    expectClose(velocity!, wanted!, 1e-14);
    expectClose(alone!, { ...alone!, data: alone!.data.map(() => 0) }, 1e-15);
  });

  test('has the derivatives of its average velocity along s at s = t', async () => {
    // f = cos(d) x - sin(d) F, so that df/ds = π / 2 F + ... and d²f/ds² = -π² / 4 x + π dF/ds at s = t; the slope of
    // the mean velocity is half of that.
    const map = mapOf(output, trigonometricParametrization);
    const [slope, wanted] = await results((x, t, s) => {
      const same = s.mul(0).add(t);
      const one = full(1, t.shape);
      const [, ds] = jvp((s) => map.averageVelocity(x, t, s), [same], [one]);
      const [, outputSlope] = jvp((s) => output(x, t, s), [same], [one]);
      return [ds, x.mul(-(Math.PI ** 2) / 8).add(outputSlope.mul(Math.PI / 2))];
    });
    expectClose(slope!, wanted!, 1e-13);
  });
});
