import { expect, it } from 'vitest';
import { ConfigError } from './errors.js';
import { isWhole, requireWhole } from './whole.js';

it.each([0, 1, 2 ** 53 - 1])('%d is a whole number', (value) => {
  expect(isWhole(value)).toBe(true);
});

it.each([-1, 0.5, NaN, Infinity, 2 ** 53, '1', null, undefined, [1], 1n])('%s is not', (value) => {
  expect(isWhole(value)).toBe(false);
});

it('an option that is not a whole number is refused by name', () => {
  requireWhole('dit.width', 1);
  requireWhole('seed', 0, 0);
  expect(() => requireWhole('dit.width', 0)).toThrow(new ConfigError('dit.width', 'wanted a whole number >= 1, got 0'));
  expect(() => requireWhole('seed', -1, 0)).toThrow('seed: wanted a whole number >= 0, got -1');
  expect(() => requireWhole('heads', '8')).toThrow('heads: wanted a whole number >= 1, got a value of type string');
});
