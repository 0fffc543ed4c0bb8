import { ConfigError, quoted, requireKnownOptions, type OptionNames } from '@flowmap/core';
import { DEFAULTS, type Settings } from './messages.js';

const devices = ['auto', 'cpu', 'webgpu'] as const;

const NAMES: OptionNames<Settings & { start: string }> = {
  start: true,
  device: true,
  seed: true,
  teacherSteps: true,
  studentSteps: true,
  batchSize: true,
  width: true,
  depth: true,
  points: true,
};

/**
 * The page's settings with the changes in the query part of its address.
 *
 * @throws {ConfigError} for an unknown name, and for a value that the setting cannot have
 */
export function settingsOf(search: string): Settings {
  const given = Object.fromEntries(new URLSearchParams(search));
  requireKnownOptions<object>('', given, NAMES);
  const numbers = Object.entries(DEFAULTS).flatMap(([name, value]) => {
    const text = given[name];
    return typeof value === 'number' && text !== undefined ? [[name, wholeOf(name, text)]] : [];
  });
  return { ...DEFAULTS, ...(Object.fromEntries(numbers) as Partial<Settings>), device: deviceOf(given['device']) };
}

function wholeOf(name: string, text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  const least = name === 'seed' ? 0 : 1;
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new ConfigError(name, `wanted a whole number >= ${least} in the page's address, got ${quoted(text)}`);
}

function deviceOf(text: string | undefined): Settings['device'] {
  const found = devices.find((name) => name === (text ?? DEFAULTS.device));
  if (found !== undefined) return found;
  throw new ConfigError('device', `wanted one of ${devices.join(', ')} in the page's address, got ${quoted(text)}`);
}
