import { flowMap, mlp, type Phase } from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { full, gradients, type HostTensor, type HostTensors, type Tensor, type Tensors } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { expect, test } from 'vitest';
import { batches, discriminator, filled, network, objective, student } from './__fixtures__/toy.js';
import { differentiableAugmentation } from './augmentation.js';
import { finetune, type FinetuneOptions } from './finetune.js';
import { mlpDiscriminator } from './mlp-discriminator.js';
import { relativisticPairing } from './losses.js';

const options: FinetuneOptions = { student, objective, discriminator, seed: 0, weight: 0.7 };
const values = { student: student.params, discriminator: filled(discriminator.parameters, 9) };
type Groups = Record<keyof typeof values, Tensors>;

/** Evaluates what a test builds from a phase's inputs and parameters, for the first batch. */
async function results(
  phase: Phase,
  build: (inputs: Tensors, groups: Groups) => Record<string, Tensor>,
): Promise<Record<string, HostTensor>> {
  const feeds = phase.feeds({ step: 500, iterations: 1000 }, await batches().batch(0));
  const named: HostTensors = {
    ...feeds,
    ...prefixed('student/', values.student),
    ...prefixed('discriminator/', values.discriminator),
  };
  const names = Object.keys(named);
  return evaluate(
    referenceRuntime(),
    (...args) => {
      const symbols = Object.fromEntries(names.map((name, i) => [name, args[i]!]));
      const under = (start: string): Tensors =>
        Object.fromEntries(
          names.filter((name) => name.startsWith(start)).map((name) => [name.slice(start.length), symbols[name]!]),
        );
      return build(symbols, { student: under('student/'), discriminator: under('discriminator/') });
    },
    names.map((name) => named[name]!),
  );
}

const trace = (phase: Phase, inputs: Tensors, groups: Groups): ReturnType<Phase['trace']> =>
  phase.trace({
    inputs,
    groups: { ...groups, teacher: {} },
    isTraining: true,
    ask: () => {
      throw new Error('nothing is asked');
    },
  });

const prefixed = <T>(prefix: string, tensors: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(tensors).map(([name, value]) => [prefix + name, value]));

test.each([
  {},
  { penalty: { every: 4 } },
  { penalty: { method: 'differences' as const } },
  { steps: { from: 1, to: 3 } },
])('only the discriminator learns from its loss: %j', async (more) => {
  for (const phase of finetune({ ...options, ...more }).slice(0, -1)) {
    const gradient = await results(phase, (inputs, groups) => {
      const { loss } = trace(phase, inputs, groups);
      return {
        ...prefixed('student/', gradients(loss, groups.student)),
        ...prefixed('discriminator/', gradients(loss, groups.discriminator)),
      };
    });
    for (const [name, { data }] of Object.entries(gradient)) {
      const isZero = data.every((value) => value === 0);
      if (name.startsWith('student/')) expect(isZero, name).toBe(true);
      else if (name !== 'discriminator/output.bias') expect(isZero, `${phase.name} ${name}`).toBe(false);
    }
  }
});

test.each<{ scales: 'adversarial' | 'objective' | 'nothing'; largest?: number }>([
  { scales: 'adversarial', largest: 1e4 },
  { scales: 'adversarial', largest: 0.25 },
  { scales: 'objective', largest: 1e4 },
  { scales: 'nothing' },
])('the generator follows both gradients with a constant weight: %j', async (balance) => {
  const phase = finetune({ ...options, balance }).at(-1)!;
  const lastLayer = ['output.weight', 'output.bias'];
  const got = await results(phase, (inputs, groups) => {
    const { loss, metrics } = trace(phase, inputs, groups);
    const regulariser = trace(objective, inputs, groups).loss;
    const map = flowMap(network, groups.student);
    const logits = (x: Tensor): Tensor => discriminator.apply(groups.discriminator, { x }).logits;
    const fake = map.map(inputs['adversarial.noise']!, full(1, [8]), full(0, [8]));
    const adversarial = relativisticPairing.generator(logits(inputs['adversarial.real']!), logits(fake));
    return {
      ...prefixed('total/', gradients(loss, groups.student)),
      ...prefixed('objective/', gradients(regulariser, groups.student)),
      ...prefixed('adversarial/', gradients(adversarial, groups.student)),
      ...prefixed('discriminator/', gradients(loss, groups.discriminator)),
      ...prefixed('metrics/', metrics),
      loss,
      regulariser,
      adversarial,
    };
  });
  const norm = (part: string): number =>
    Math.hypot(...lastLayer.flatMap((name) => [...got[`${part}/${name}`]!.data].map(Number)));
  const [ofObjective, ofAdversarial] = [norm('objective'), norm('adversarial')];
  const [above, below] = balance.scales === 'objective' ? [ofAdversarial, ofObjective] : [ofObjective, ofAdversarial];
  const w = balance.scales === 'nothing' ? 1 : Math.min(balance.largest!, above / (below + 1e-8));
  const value = (name: string): number => got[name]!.data[0]!;
  expect(value('metrics/balance')).toBeCloseTo(w, 10);
  expect(value('metrics/objectiveGradient')).toBeCloseTo(ofObjective, 10);
  expect(value('metrics/adversarialGradient')).toBeCloseTo(ofAdversarial, 10);
  const [a, b] = balance.scales === 'objective' ? [value('metrics/balance'), 0.7] : [1, 0.7 * value('metrics/balance')];
  expect(value('loss')).toBeCloseTo(a * value('regulariser') + b * value('adversarial'), 10);
  for (const name of Object.keys(network.parameters)) {
    got[`total/${name}`]!.data.forEach((total, i) => {
      const sum = a * got[`objective/${name}`]!.data[i]! + b * got[`adversarial/${name}`]!.data[i]!;
      expect(Math.abs(total - sum), name).toBeLessThan(1e-10);
    });
  }
  for (const name of Object.keys(discriminator.parameters)) {
    expect(
      got[`discriminator/${name}`]!.data.every((value) => value === 0),
      name,
    ).toBe(true);
  }
});

test('samples of a range of steps have grids of their own, and all kinds occur', async () => {
  const phase = finetune({ ...options, steps: { from: 1, to: 3 } })[0]!;
  const rows: number[][] = [];
  for (let step = 0; step < 4; step++) {
    const feeds = phase.feeds({ step, iterations: 4 }, await batches().batch(step));
    const { data, shape } = feeds['adversarial.times']!;
    expect(shape).toEqual([8, 4]);
    for (let i = 0; i < 8; i++) rows.push([...data.slice(4 * i, 4 * i + 4)].map((t) => Math.round(6 * t)));
  }
  const kinds = new Set(rows.map((row) => row.join(' ')));
  expect([...kinds].sort()).toEqual(['6 0 0 0', '6 3 0 0', '6 4 2 0']);
});

test('a sample in one step and steps that rest at time 0 are the same', async () => {
  const one = finetune({ ...options, steps: 1 })[0]!;
  const drawn = finetune({ ...options, steps: { from: 1, to: 2 } })[0]!;
  const times = { 'adversarial.times': full(0, [8, 2]).pad([0, 1], [0, 0]) };
  const ones = full(1, [8, 1]).pad([0, 0], [0, 2]);
  const got = await results(one, (inputs, groups) => ({
    one: trace(one, inputs, groups).metrics['fake']!,
    drawn: trace(drawn, { ...inputs, 'adversarial.times': times['adversarial.times'].add(ones) }, groups).metrics[
      'fake'
    ]!,
  }));
  expect(got['drawn']!.data[0]).toBe(got['one']!.data[0]);
});

test('phases are named, and a penalty that is not due in every step is a phase', () => {
  expect(finetune(options).map(({ name }) => name)).toEqual(['discriminator', 'generator']);
  const lazy = finetune({ ...options, penalty: { every: 16 } });
  expect(lazy.map(({ name, every }) => [name, every])).toEqual([
    ['discriminator', 1],
    ['penalty', 16],
    ['generator', undefined],
  ]);
  expect(finetune({ ...options, penalty: false })).toHaveLength(2);
});

test('what does not fit is refused when it is built', () => {
  const refused = (more: Partial<FinetuneOptions>) => () => finetune({ ...options, ...more });
  expect(refused({ discriminator: mlpDiscriminator({ shape: [3] }) })).toThrow("got 'mlpDiscriminator' for [3]");
  expect(refused({ discriminator: mlpDiscriminator({ shape: [2], classes: 4 }) })).toThrow('no such condition');
  expect(refused({ objective: { ...objective, batchSize: 1 } })).toThrow('at least 2 samples');
  expect(refused({ student: { network: mlp({ shape: [2] }) } })).toThrow('without a target time');
  expect(refused({ balance: { lastLayer: ['nowhere'] } })).toThrow("'nowhere'");
  expect(refused({ steps: { from: 3, to: 2 } })).toThrow('from 3 to 2');
  expect(refused({ weight: -1 })).toThrow('finetune.weight');
  expect(refused({ penalty: { real: false, fake: false } })).toThrow('R1 or R2');
  expect(refused({ judge: 'student' })).toThrow("'student'");
  expect(refused({ penalty: { step: 0.1 } })).toThrow('finetune.penalty.step: has no effect');
  expect(refused({ balance: { scales: 'nothing', largest: 2 } })).toThrow('finetune.balance.largest: has no effect');
  expect(refused({ weights: 1 } as object)).toThrow('did you mean weight?');
  expect(refused({ augmentation: differentiableAugmentation({ shape: [1, 4, 4] }) })).toThrow('[1, 4, 4]');
});
