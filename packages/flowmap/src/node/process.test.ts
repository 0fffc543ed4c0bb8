import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bundleScript } from '@flowmap/contract/bundle-script';
import { mlp, type Model } from '@flowmap/core';
import { saveModel } from '@flowmap/core/node';
import { exportNetwork, importedModel, importOnnx } from '@flowmap/runtime-onnx';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeFlowMap } from './__fixtures__/material.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-process-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let bin = '';
beforeAll(async () => {
  bin = await bundleScript(join(import.meta.dirname, '../../bin/flowmap.js'));
});
const start = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  promisify(execFile)(process.execPath, [bin, ...args], { cwd: scratch });

test('with --json standard output is one line, and what is said goes to standard error', async () => {
  await writeFlowMap(join(scratch, 'model.safetensors'));
  const { stdout, stderr } = await start('inspect', 'model.safetensors', '--json');
  expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  expect(JSON.parse(stdout)).toMatchObject({ is: 'checkpoint', kind: 'flow map' });
  expect(stderr).toMatch(/^kind +flow map$/m);
});

test('a checkpoint of an imported network is read in another process', async () => {
  const network = mlp({ shape: [2], width: 4, depth: 1 });
  const own: Model = { kind: 'velocity', network, params: network.init(0), classes: [] };
  const mapping = { x: 'sample', t: 'timestep', timeScale: 1000 };
  await saveModel(join(scratch, 'own.safetensors'), importedModel(importOnnx(exportNetwork(own).model), mapping));
  const { stdout } = await start('inspect', 'own.safetensors', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ kind: 'velocity field', network: { type: 'onnx', mapping } });
});

test('an error is one line on standard error, an exit code and nothing else', async () => {
  const before = readdirSync(scratch);
  await expect(start('sample', 'none.safetensors')).rejects.toMatchObject({
    code: 1,
    stdout: '',
    stderr: 'error: none.safetensors: there is no such file or folder, or it cannot be read; check the path\n',
  });
  expect(readdirSync(scratch)).toEqual(before);
});
