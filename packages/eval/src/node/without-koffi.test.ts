import { expect, test, vi } from 'vitest';
import { nativeLinearAlgebra } from './native-linear-algebra.js';

vi.mock('koffi', () => {
  throw new Error("Cannot find package 'koffi'");
});

test('without koffi an error says how to install it', async () => {
  await expect(nativeLinearAlgebra()).rejects.toMatchObject({
    name: 'RuntimeUnavailableError',
    message: expect.stringContaining('`npm install koffi`') as string,
  });
});
