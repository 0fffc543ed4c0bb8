import { ConfigError } from '@flowmap/core';
import { expect, test } from 'vitest';
import { DEFAULTS } from './messages.js';
import { settingsOf } from './settings.js';

test('the address changes settings', () => {
  expect(settingsOf('')).toEqual(DEFAULTS);
  const changed = { device: 'webgpu', seed: 0, teacherSteps: 5 };
  expect(settingsOf('?start&device=webgpu&seed=0&teacherSteps=5')).toEqual({ ...DEFAULTS, ...changed });
});

test.each([
  ['?width=abc', 'width: wanted a whole number >= 1 in the page\'s address, got "abc"'],
  ['?seed=', 'seed: wanted a whole number >= 0'],
  ['?points=0', 'points: wanted a whole number >= 1'],
  ['?depth=1.5', 'depth: wanted a whole number >= 1'],
  ['?device=gpu', 'device: wanted one of auto, cpu, webgpu in the page\'s address, got "gpu"'],
  ['?teachersteps=9', 'teachersteps: is no option; did you mean teacherSteps?'],
  ['?steps=abc', 'steps: is no option; there are: start, device, seed, teacherSteps'],
])('%s is refused', (search, message) => {
  expect(() => settingsOf(search)).toThrow(ConfigError);
  expect(() => settingsOf(search)).toThrow(message);
});
