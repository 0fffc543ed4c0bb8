import { ConfigError, type Json } from '@flowmap/core';
import { AYF_EMD_PRESETS, OBJECTIVE_NAMES } from '@flowmap/objectives';
import { expect, test } from 'vitest';
import { parseOptions } from './command.js';
import { DISTILLATION_OPTIONS, distillationOf } from './distillation.js';

const distillation = (...args: string[]): ReturnType<typeof distillationOf> =>
  distillationOf(
    parseOptions({ name: '', description: '', options: DISTILLATION_OPTIONS, run: () => Promise.resolve() }, args),
  );

test('nothing given is the default', async () => {
  expect((await distillation()).objective.config).toMatchObject({
    ...{
      intervalLengths: 'log-uniform',
      'intervalLengths.shortest': 1 / 64,
      diagonalShare: 0.25,
      c: 0.1,
      warmupSteps: null,
    },
  });
});

test('options change what a preset has', async () => {
  const changes = ['--warmup', '300', '--tangent-constant', '0.5', '--diagonal-share', '0'];
  expect((await distillation('--preset', 'ayf-paper', ...changes)).objective.config).toMatchObject({
    intervalLengths: 'logit-normal',
    diagonalShare: 0,
    c: 0.5,
    warmupSteps: 300,
  });
  expect((await distillation('--shortest-interval', '0.125')).objective.config).toMatchObject({
    intervalLengths: 'log-uniform',
    'intervalLengths.shortest': 0.125,
  });
});

test('the remedies are options', async () => {
  const config = async (...args: string[]): Promise<Json> => (await distillation(...args)).objective.config;
  expect(await config('--intervals', 'steps')).toMatchObject({
    intervalLengths: 'steps',
    'intervalLengths.steps': '1, 2, 4, 8, 16',
  });
  expect(await config('--intervals', 'growing', '--shortest-interval', '0.25')).toMatchObject({
    intervalLengths: 'curriculum',
    'intervalLengths.lengths.shortest': 0.25,
  });
  expect(await config('--intervals', 'to-data')).toMatchObject({
    intervalLengths: 'mixed',
    'intervalLengths.1.of': 'to-data',
  });
  expect(await config('--norm', 'rms', '--anchor-weight', '2', '--trajectory-steps', '4')).toMatchObject({
    ...{ norm: 'rms', 'velocityAnchor.batch.weight': 2, 'teacherTrajectories.steps': 4 },
  });
  expect(await config('--orders', 'both')).toMatchObject({ orders: 'both' });
  expect(await config('--orders', 'both', '--objective', 'ayf-lmd')).toMatchObject({ orders: 'both' });
  expect(await config()).not.toHaveProperty('orders');
  await expect(config('--orders', 'both', '--objective', 'ctm')).rejects.toThrow('--orders');
  expect((await distillation('--student', 'exact-diagonal')).startingFrom).toEqual({ exactDiagonal: true });
  expect((await distillation()).startingFrom).toEqual({});
});

test('a wider average forgets more slowly', async () => {
  const decay = async (...args: string[]): Promise<number> => {
    const { emaDecay } = await distillation(...args);
    return typeof emaDecay === 'function' ? emaDecay({ step: 500, iterations: 1000 }) : NaN;
  };
  expect(await decay('--average-width', '0.2')).toBeGreaterThan(await decay());
});

test('what makes no sense is an error', async () => {
  await expect(distillation('--average-width', '0.5')).rejects.toThrow(ConfigError);
  await expect(distillation('--shortest-interval', '0')).rejects.toThrow('logUniformLengths.shortest');
});

test('every preset can be chosen', () => {
  expect(DISTILLATION_OPTIONS.preset.placeholder).toBe(Object.keys(AYF_EMD_PRESETS).join('|'));
});

test('every objective but that of teachers can be chosen', async () => {
  const names = OBJECTIVE_NAMES.filter((name) => name !== 'flow-matching');
  expect(DISTILLATION_OPTIONS.objective.placeholder).toBe(names.join('|'));
  for (const name of names) expect((await distillation('--objective', name)).objective.name).toBe(name);
});

test('settings that an objective does not have are refused', async () => {
  const lmd = await distillation('--objective', 'ayf-lmd', '--intervals', 'steps', '--tangent-constant', '1');
  expect(lmd.objective.config).toMatchObject({ c: 1, 'intervalLengths.hold': 'start' });
  await expect(distillation('--objective', 'ayf-lmd', '--warmup', '5')).rejects.toThrow('--warmup: has no effect');
  await expect(distillation('--objective', 'mean-flow', '--norm', 'rms')).rejects.toThrow('--norm: has no effect');
  const anchored = await distillation('--objective', 'cmt', '--anchor-weight', '0.5');
  expect(anchored.objective.config).toMatchObject({ steps: 8, 'velocityAnchor.batch.weight': 0.5 });
});
