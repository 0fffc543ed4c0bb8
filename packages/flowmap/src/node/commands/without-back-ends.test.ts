import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { writeFlowMap, writePhotos } from '../__fixtures__/material.js';
import { runFlowmap } from '../__fixtures__/run-flowmap.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-without-'));
const [model, photos, out] = [join(scratch, 'model.safetensors'), join(scratch, 'photos'), join(scratch, 'out')];
beforeAll(async () => {
  process.env['XDG_CACHE_HOME'] = join(scratch, 'cache');
  await writeFlowMap(model);
  await writePhotos(photos);
  vi.resetModules();
  for (const name of ['sharp', 'onnxruntime-node']) {
    vi.doMock(name, () => {
      throw new Error(`Cannot find package '${name}'\nRequire stack: …`);
    });
  }
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test.each([
  ['pictures of samples', ['sample', model], 'sharp'],
  ['numbers of samples', ['sample', model], 'onnxruntime-node'],
  ['a training', ['train', photos], 'onnxruntime-node'],
  ['an evaluation', ['eval', 'stats', photos], 'onnxruntime-node'],
  ['a look at images', ['inspect', photos], 'sharp'],
] as const)('%s, without the package: the line that installs it, and nothing written', async (what, args, name) => {
  const path = what === 'numbers of samples' ? `${out}.npz` : what === 'an evaluation' ? `${out}.safetensors` : out;
  const given = args[0] === 'inspect' ? [] : ['--out', path];
  const { code, out: shown, error } = await runFlowmap(...args, ...given);
  expect(code).toBe(1);
  expect(shown).toBe('');
  expect(error).toMatch(/^error: [^\n]+\n$/);
  expect(error).toContain(`\`npm install ${name}\``);
  expect(existsSync(path)).toBe(false);
});

test('an export, without the packages: is written all the same', async () => {
  const path = join(scratch, 'model.onnx');
  expect(await runFlowmap('export', model, '--steps=1', '--out', path)).toMatchObject({ code: 0, error: '' });
  expect(existsSync(path)).toBe(true);
});
