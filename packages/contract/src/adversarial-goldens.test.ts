import {
  mlpDiscriminator,
  relativisticPairing,
  residualDiscriminator,
  squaredGradientNorm,
  type Discriminator,
} from '@flowmap/adversarial';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import { gradients, hostTensor, type HostTensors, type Runtime, type Tensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { disagreements, readGolden, sines } from './goldens/golden.js';

interface Case {
  readonly name: string;
  readonly shape: readonly number[];
  readonly classes: number;
  readonly channels?: readonly number[];
  readonly width?: number;
  readonly depth?: number;
  readonly label: readonly number[];
}

const golden = readGolden<Case[]>('adversarial');

test('the golden file names its origin', () => {
  expect(golden.origin).toEqual({
    script: 'tools/reference/adversarial.py',
    jax: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
    date: expect.stringMatching(/^\d{4}-\d{2}-\d{2}$/) as string,
  });
});

// The accuracy that the engine promises; the largest error measured is 6.9e-15 in double precision and 2.9e-6 in single.
describe.each<{ name: string; tolerance: number; open: () => Promise<Runtime> }>([
  { name: 'reference', tolerance: 1e-10, open: () => Promise.resolve(referenceRuntime()) },
  { name: 'onnx', tolerance: 1e-4, open: () => onnxRuntime({ device: 'cpu', threads: 1 }) },
  { name: 'tfjs cpu', tolerance: 1e-4, open: () => tfjsRuntime({ backend: 'cpu' }) },
])('the $name runtime agrees with JAX to $tolerance', ({ tolerance, open }) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await open();
  });

  test.each(golden.case)('on the relativistic losses, R1, R2 and all gradients of $name', async (given) => {
    const { name: kind, label: _, ...options } = given;
    const discriminator = kind === 'mlp' ? mlpDiscriminator(options) : residualDiscriminator(options);
    const wanted = Object.entries(golden.results).filter(([name]) => name.startsWith(`${kind}/`));
    const results = await lossesOf(runtime, discriminator, given);
    const isKnown = (name: string): boolean => Object.hasOwn(golden.results, `${kind}/${name}`);
    const [known, zero] = [true, false].map((side) =>
      Object.entries(results).filter(([name]) => isKnown(name) === side),
    ) as [[string, HostTensors[string]][], [string, HostTensors[string]][]];
    const named = Object.fromEntries(known.map(([name, value]) => [`${kind}/${name}`, value]));
    expect(disagreements(named, Object.fromEntries(wanted), tolerance)).toEqual([]);
    // Whatever shifts all logits equally has no effect, nor does a bias between linear pieces
    // affect the slope.
    const biases = ['r1', 'r2'].flatMap((loss) => [`${loss}/dense.bias`, `${loss}/last.bias`, `${loss}/output.bias`]);
    const last = ['discriminator', 'r1', 'r2'].map((loss) => `${loss}/output.bias`);
    const expected = kind === 'mlp' ? last : [last[0], ...biases];
    expect(zero.map(([name]) => name).sort()).toEqual(expected);
    for (const [, { data }] of zero) for (const value of data) expect(Math.abs(value)).toBeLessThan(1e-7);
  });
});

/**
 * Losses and penalties with their gradients with respect to every parameter, and the generator's with respect
 * to its samples.
 */
async function lossesOf(runtime: Runtime, discriminator: Discriminator, { shape, label }: Case): Promise<HostTensors> {
  const names = Object.keys(discriminator.parameters).sort();
  const values = names.map((name, i) => {
    const { shape } = discriminator.parameters[name]!;
    return sines(i, shape, shape.length > 1 ? Math.sqrt(2 / shape[0]!) : 0.3);
  });
  const batch = [label.length, ...shape];
  const build = (...args: Tensor[]): Record<string, Tensor> => {
    const [real, fake, label, ...symbols] = args as [Tensor, Tensor, Tensor, ...Tensor[]];
    const params = Object.fromEntries(names.map((name, i) => [name, symbols[i]!]));
    const logits = (x: Tensor): Tensor => discriminator.apply(params, { x, conditions: { label } }).logits;
    const [ofReal, ofFake] = [logits(real), logits(fake)];
    const losses = {
      discriminator: relativisticPairing.discriminator(ofReal, ofFake),
      r1: squaredGradientNorm(ofReal, real).mean(),
      r2: squaredGradientNorm(ofFake, fake).mean(),
    };
    const results: Record<string, Tensor> = { real: ofReal, fake: ofFake, ...losses };
    for (const [loss, value] of Object.entries(losses)) {
      const gradient = gradients(value, params);
      for (const name of names) results[`${loss}/${name}`] = gradient[name]!;
    }
    results['generator'] = relativisticPairing.generator(ofReal, ofFake);
    results['generator/fake'] = gradients(results['generator'], [fake])[0]!;
    return results;
  };
  return evaluate(runtime, build, [
    sines(200, batch),
    sines(201, batch, 0.8),
    hostTensor([label.length], label, 'int32'),
    ...values,
  ]);
}
