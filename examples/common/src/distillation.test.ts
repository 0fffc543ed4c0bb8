import { ConfigError, type Json } from '@flowmap/core';
import { expect, test } from 'vitest';
import { parseOptions } from './command.js';
import { DISTILLATION_OPTIONS, distillationOf } from './distillation.js';

const distillation = (...args: string[]): ReturnType<typeof distillationOf> =>
  distillationOf(
    parseOptions({ name: '', description: '', options: DISTILLATION_OPTIONS, run: () => Promise.resolve() }, args),
  );

test('nothing given is the default', () => {
  expect(distillation().objective.config).toMatchObject({
    ...{
      intervalLengths: 'log-uniform',
      'intervalLengths.shortest': 1 / 64,
      diagonalShare: 0.25,
      c: 0.1,
      warmupSteps: null,
    },
  });
});

test('options change what a preset has', () => {
  const changes = ['--warmup', '300', '--tangent-constant', '0.5', '--diagonal-share', '0'];
  expect(distillation('--preset', 'ayf-paper', ...changes).objective.config).toMatchObject({
    intervalLengths: 'logit-normal',
    diagonalShare: 0,
    c: 0.5,
    warmupSteps: 300,
  });
  expect(distillation('--shortest-interval', '0.125').objective.config).toMatchObject({
    intervalLengths: 'log-uniform',
    'intervalLengths.shortest': 0.125,
  });
});

test('the remedies are options', () => {
  const config = (...args: string[]): Json => distillation(...args).objective.config;
  expect(config('--intervals', 'steps')).toMatchObject({
    intervalLengths: 'steps',
    'intervalLengths.steps': '1, 2, 4, 8, 16',
  });
  expect(config('--intervals', 'growing', '--shortest-interval', '0.25')).toMatchObject({
    intervalLengths: 'curriculum',
    'intervalLengths.lengths.shortest': 0.25,
  });
  expect(config('--intervals', 'to-data')).toMatchObject({
    intervalLengths: 'mixed',
    'intervalLengths.1.of': 'to-data',
  });
  expect(config('--norm', 'rms', '--anchor-weight', '2', '--trajectory-steps', '4')).toMatchObject({
    ...{ norm: 'rms', 'velocityAnchor.batch.weight': 2, 'teacherTrajectories.steps': 4 },
  });
  expect(distillation('--student', 'exact-diagonal').startingFrom).toEqual({ exactDiagonal: true });
  expect(distillation().startingFrom).toEqual({});
});

test('a wider average forgets more slowly', () => {
  const decay = (...args: string[]): number => {
    const { emaDecay } = distillation(...args);
    return typeof emaDecay === 'function' ? emaDecay({ step: 500, iterations: 1000 }) : NaN;
  };
  expect(decay('--average-width', '0.2')).toBeGreaterThan(decay());
});

test('what makes no sense is an error', () => {
  expect(() => distillation('--average-width', '0.5')).toThrow(ConfigError);
  expect(() => distillation('--shortest-interval', '0')).toThrow('logUniformLengths.shortest');
});
