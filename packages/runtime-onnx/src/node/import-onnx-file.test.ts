import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mlp, type Model } from '@flowmap/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exportNetwork } from '../export/export-network.js';
import { OnnxImportError } from '../import/import-error.js';
import { importOnnx } from '../import/import-onnx.js';
import { importOnnxFile } from './import-onnx-file.js';

const network = mlp({ shape: [2], width: 24, depth: 1 });
const params = Object.fromEntries(
  Object.entries(network.init(0)).map(([name, value]) => [
    name,
    { ...value, data: Float32Array.from(value.data, (_, i) => Math.sin(i + name.length)) },
  ]),
);
const model: Model = { kind: 'velocity', network, params, classes: [] };
const inside = exportNetwork(model);
const beside = exportNetwork(model, { externalAbove: 0 });
const [data] = beside.externalData;

let folder = '';
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'flowmap-import-'))));
afterAll(() => rmSync(folder, { recursive: true }));

/** A folder with the model; its weights are elsewhere unless stated otherwise. */
function modelIn(name: string): string {
  mkdirSync(join(folder, name));
  const path = join(folder, name, 'model.onnx');
  writeFileSync(path, beside.model);
  return path;
}

it('reads a file with its weights inside, or beside it', async () => {
  const whole = join(folder, 'whole.onnx');
  writeFileSync(whole, inside.model);
  expect((await importOnnxFile(whole)).parameters).toEqual(importOnnx(inside.model).parameters);
  const path = modelIn('beside');
  writeFileSync(join(folder, 'beside', data!.path), Buffer.concat(data!.pieces));
  expect((await importOnnxFile(path)).parameters).toEqual(importOnnx(inside.model).parameters);
});

it('refuses weights that are missing, cut off, or linked from elsewhere', async () => {
  await expect(importOnnxFile(modelIn('missing'))).rejects.toThrow(
    /its weights 'model.onnx_data' cannot be read: ENOENT/,
  );
  const short = modelIn('short');
  writeFileSync(join(folder, 'short', data!.path), Buffer.concat(data!.pieces).subarray(0, -4));
  await expect(importOnnxFile(short)).rejects.toThrow(/it wants bytes \d+ to \d+ of 'model.onnx_data', which has \d+/);
  const linked = modelIn('linked');
  symlinkSync(join(folder, 'beside', data!.path), join(folder, 'linked', data!.path));
  await expect(importOnnxFile(linked)).rejects.toThrow(/its weights 'model.onnx_data' are not in its folder/);
});

it('refuses what is no file, and unknown options', async () => {
  await expect(importOnnxFile(join(folder, 'none.onnx'))).rejects.toThrow(OnnxImportError);
  await expect(importOnnxFile(join(folder, 'none.onnx'))).rejects.toThrow(/none.onnx: it cannot be read: ENOENT/);
  await expect(importOnnxFile('x', { external: {} } as never)).rejects.toThrow(/external: is no option/);
});
