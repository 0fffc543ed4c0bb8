import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointError, ConfigError, encodeSafetensors } from '@flowmap/core';
import { hostTensor } from '@flowmap/tensor';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { WeightsUnavailableError } from '../errors.js';
import { fetchWeights, loadTensors, loadWeights, type WeightName } from './load-weights.js';
import type { WeightFile } from './weight-files.js';

const content = encodeSafetensors({ weight: hostTensor([3], [1, 2, 3]) });
let server: Server;
let address = '';
let folder = '';
let requests = 0;

beforeAll(async () => {
  server = createServer(({ url }, response) => {
    requests++;
    if (url === '/missing') response.writeHead(404).end();
    else if (url === '/cut') {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 20), () => response.destroy());
    } else if (url === '/short') response.end(content.subarray(0, 20));
    else if (url === '/long') response.end(Buffer.concat([content, content]));
    else if (url === '/changed') response.end(content.map((byte, i) => (i === content.length - 1 ? 7 : byte)));
    else response.end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowmap-weights-'));
  requests = 0;
  return () => rm(folder, { recursive: true });
});

const file = (path = '/file'): WeightFile => ({
  file: 'some.safetensors',
  url: `${address}${path}`,
  sha256: createHash('sha256').update(content).digest('hex'),
  bytes: content.length,
});

test('a file is downloaded once, and read from the folder after that', async () => {
  const progress: number[] = [];
  const options = { folder, download: true, onProgress: (done: number) => progress.push(done) };
  expect((await loadTensors(file(), options)).weight).toEqual(hostTensor([3], [1, 2, 3]));
  expect(progress.at(-1)).toBe(content.length);
  expect(await readdir(folder)).toEqual(['some.safetensors']);
  expect((await loadTensors(file(), { folder })).weight).toEqual(hostTensor([3], [1, 2, 3]));
  expect(requests).toBe(1);
});

test.each([
  ['/changed', 'wanted the SHA-256'],
  ['/cut', 'the download failed'],
  ['/short', `wanted ${content.length} bytes, got 20`],
  ['/long', 'got more'],
  ['/missing', 'the server answers 404'],
])('a download that is not the file is refused, and nothing is left: %s', async (path, message) => {
  const failed = await loadTensors(file(path), { folder, download: true }).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(WeightsUnavailableError);
  expect(failed).toMatchObject({ url: `${address}${path}`, path: join(folder, 'some.safetensors') });
  expect((failed as Error).message).toContain(message);
  expect(await readdir(folder)).toEqual([]);
});

test('a download can be stopped', async () => {
  const signal = AbortSignal.abort();
  await expect(loadTensors(file(), { folder, download: true, signal })).rejects.toThrow(WeightsUnavailableError);
});

test('what is not there is named with its address, and nothing is fetched unless allowed', async () => {
  const missing = await loadWeights('inception', { folder }).catch((error: unknown) => error);
  expect(missing).toBeInstanceOf(WeightsUnavailableError);
  const path = join(folder, 'pt_inception-2015-12-05-6726825d.pth');
  const url =
    'https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth';
  expect(missing).toMatchObject({ path, url });
  await expect(loadTensors(file(), { folder })).rejects.toThrow(WeightsUnavailableError);
  expect(requests).toBe(0);
});

test('a file that has changed in the folder is refused and stays', async () => {
  const path = join(folder, 'some.safetensors');
  await writeFile(path, content.subarray(1));
  await expect(loadTensors(file(), { folder, download: true })).rejects.toThrow(CheckpointError);
  expect(await readFile(path)).toHaveLength(content.length - 1);
  await expect(loadWeights('vgg' as WeightName)).rejects.toThrow(ConfigError);
  await expect(fetchWeights('vgg' as WeightName)).rejects.toThrow(ConfigError);
  await writeFile(join(folder, 'clip-merges.txt'), 'others');
  await expect(fetchWeights('clip', { folder })).rejects.toThrow(/clip-merges\.txt: is not the published file/);
});
