import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RuntimeUnavailableError } from '@flowmap/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test, vi } from 'vitest';
import { tfjsRuntime } from '../runtime.js';

test('where the native library is not installed, the error says how to get it', async () => {
  for (const name of ['@tensorflow/tfjs-node', '@tensorflow/tfjs-node-gpu']) {
    vi.doMock(name, () => {
      throw new Error('Cannot find package');
    });
  }
  const opened = tfjsRuntime({ backend: 'tensorflow' });
  await expect(opened).rejects.toThrow(RuntimeUnavailableError);
  await expect(opened).rejects.toThrow(/npm install @tensorflow\/tfjs-node.*tools\/tfjs-node.*`tfjsNode`/);
});

describe('a folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flowmap-tfjs-node-'));
  const opened = () => tfjsRuntime({ tfjsNode: folder });

  test('without a package is refused', async () => {
    await expect(opened()).rejects.toThrow(RuntimeUnavailableError);
    await expect(opened()).rejects.toThrow(`no native package loads from ${folder}`);
  });

  test('with a package whose library does not load is refused with the reason', async () => {
    writeFileSync(join(folder, 'index.js'), `throw new Error('libtensorflow.so.2: cannot open shared object file')`);
    await expect(opened()).rejects.toThrow('libtensorflow.so.2: cannot open shared object file');
    rmSync(folder, { recursive: true });
  });
});

test('a back end of that name with another binding is refused', async () => {
  tf.registerBackend('tensorflow', () => new tf.KernelBackend());
  await expect(tfjsRuntime({ tf, backend: 'tensorflow' })).rejects.toThrow(/not that of @tensorflow\/tfjs-node/);
});
