import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dit, type Model } from '@flowmap/core';
import { hostTensor, type HostTensors } from '@flowmap/tensor';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { adamw } from '../adamw.js';
import { withPrefix } from '../internal/names.js';
import { initialState } from '../train-feeds.js';
import { loadCheckpoint, saveCheckpoint } from './checkpoints.js';

let folder = '';
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'flowmap-checkpoints-'))));
afterAll(async () => rm(folder, { recursive: true }));

test('a checkpoint with biases of keys, of an earlier version, is read as one of now, slots included', async () => {
  const network = dit({ shape: [1, 2, 2], patch: 1, width: 4, depth: 1, heads: 1 });
  const bias = 'block0.qkv.bias';
  const earlier = (first: number): HostTensors => ({
    ...network.init(0),
    [bias]: hostTensor(
      [12],
      Float32Array.from({ length: 12 }, (_, i) => first + i),
    ),
  });
  const model: Model = { kind: 'velocity', network, params: network.init(0), classes: [] };
  const optimizer = { ...withPrefix('m', earlier(100)), ...withPrefix('v', earlier(200)) };
  const target = await saveCheckpoint(folder, { step: 3, seconds: 1, model, ema: model, optimizer });
  const read = await loadCheckpoint(target);
  const shapes = (tensors: HostTensors): [string, readonly number[]][] =>
    Object.entries(tensors)
      .map(([name, { shape }]): [string, readonly number[]] => [name, shape])
      .sort(([a], [b]) => (a < b ? -1 : 1));
  const slots = Object.entries(initialState(adamw(), network.init(0))).filter(([name]) => /^[mv]\./.test(name));
  expect(shapes(read.optimizer)).toEqual(shapes(Object.fromEntries(slots)));
  expect([...read.optimizer[`m.${bias}`]!.data]).toEqual([100, 101, 102, 103, 108, 109, 110, 111]);
  expect([...read.optimizer[`v.${bias}`]!.data]).toEqual([200, 201, 202, 203, 208, 209, 210, 211]);
});
