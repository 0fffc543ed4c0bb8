import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, type HostTensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { expect, test } from 'vitest';
import { hinge, nonSaturating, relativisticPairing, type AdversarialLoss } from './losses.js';

const logits = (values: number[]): HostTensor => hostTensor([values.length], Float64Array.from(values));
const softplus = (x: number): number => Math.log1p(Math.exp(x));

async function valuesOf(loss: AdversarialLoss, real: number[], fake: number[]): Promise<Record<string, number>> {
  const build = (real: Parameters<AdversarialLoss['generator']>[0], fake: typeof real) => ({
    discriminator: loss.discriminator(real, fake),
    generator: loss.generator(real, fake),
    accuracy: loss.accuracy(real, fake),
  });
  const results = await evaluate(referenceRuntime(), (...args) => build(args[0]!, args[1]!), [
    logits(real),
    logits(fake),
  ]);
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data[0]!]));
}

test('pairs that look alike cost ln 2 on either side', async () => {
  const { discriminator, generator } = await valuesOf(relativisticPairing, [0.3, -2], [0.3, -2]);
  expect(discriminator).toBeCloseTo(Math.LN2, 12);
  expect(generator).toBeCloseTo(Math.LN2, 12);
});

test('each loss has the values of its formula', async () => {
  const [real, fake] = [
    [2, -0.5, 1],
    [-1, 0.5, 2],
  ];
  const mean = (f: (i: number) => number): number => (f(0) + f(1) + f(2)) / 3;
  const expected = {
    relativistic: {
      discriminator: mean((i) => softplus(fake[i]! - real[i]!)),
      generator: mean((i) => softplus(real[i]! - fake[i]!)),
      accuracy: 1 / 3,
    },
    nonSaturating: {
      discriminator: mean((i) => softplus(-real[i]!)) + mean((i) => softplus(fake[i]!)),
      generator: mean((i) => softplus(-fake[i]!)),
      accuracy: (2 / 3 + 1 / 3) / 2,
    },
    hinge: {
      discriminator: (0 + 1.5 + 0) / 3 + (0 + 1.5 + 3) / 3,
      generator: -0.5,
      accuracy: (2 / 3 + 1 / 3) / 2,
    },
  };
  for (const [loss, values] of [
    [relativisticPairing, expected.relativistic],
    [nonSaturating, expected.nonSaturating],
    [hinge, expected.hinge],
  ] as const) {
    const got = await valuesOf(loss, real, fake);
    for (const [name, value] of Object.entries(values))
      expect(got[name], `${loss.name} ${name}`).toBeCloseTo(value, 12);
  }
});
