import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointError, mlp } from '@flowmap/core';
import { saveModel } from '@flowmap/core/node';
import { afterAll, expect, test } from 'vitest';
import { trainOnce } from './run-folder.js';

const folder = mkdtempSync(join(tmpdir(), 'flowmap-run-folder-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a finished teacher is loaded if it is that of its run and has the same settings, and told apart otherwise', async () => {
  const network = mlp({ shape: [2], width: 4, depth: 1 });
  const path = join(folder, 'teacher.safetensors');
  const write = (seed: number): Promise<void> =>
    saveModel(path, { kind: 'velocity', network, params: network.init(seed), classes: [] });
  const load = (settings: { seed: number }) =>
    trainOnce(folder, 'teacher.safetensors', settings, () => Promise.reject(new Error('trained anew')));
  await write(0);
  const result = createHash('sha256').update(readFileSync(path)).digest('hex');
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ config: { seed: 0 }, result }));
  writeFileSync(join(folder, 'log.jsonl'), '');
  expect((await load({ seed: 0 }))?.model.params).toEqual(network.init(0));
  const message = 'holds a run with other settings (seed: 0 there, 1 now)';
  await expect(load({ seed: 1 })).rejects.toThrow(message);
  await write(1);
  await expect(load({ seed: 0 })).rejects.toThrow(CheckpointError);
  await expect(load({ seed: 0 })).rejects.toThrow('is not the result of the run in its folder');
});
