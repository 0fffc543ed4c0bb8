import { ConfigError } from '@flowmap/core';
import { parseOptions } from 'flowmap/node';
import { expect, test } from 'vitest';
import { IMPORTED_MODELS_OPTIONS, requireRead } from './options.js';

const check = (...args: string[]): Promise<void> => {
  const spec = { name: '', description: '', options: IMPORTED_MODELS_OPTIONS, run: () => Promise.resolve() };
  return requireRead(parseOptions(spec, args));
};

test('options of the terrain model are refused where only others are compared', async () => {
  await expect(check('--only=diffusers', '--steps=3')).rejects.toThrow('--steps: has no effect with --only diffusers');
  await expect(check('--batch-size=3', '--only=tensorflow')).rejects.toThrow('--batch-size: has no effect with');
  await expect(check('--only=efficientnet', '--steps=3')).rejects.toBeInstanceOf(ConfigError);
  for (const args of [['--only=terrain', '--steps=3', '--batch-size=2'], ['--steps=3'], ['--only=diffusers']]) {
    await expect(check(...args)).resolves.toBeUndefined();
  }
});
