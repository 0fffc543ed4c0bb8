import { ConfigError, mlp } from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { ayfEmd, flowMatching } from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { expect, test } from 'vitest';
import type { DistillOptions, TrainVelocityFieldOptions } from './options.js';
import { distill, trainVelocityField } from './train.js';

const network = mlp({ shape: [2], width: 8, depth: 1 });
const common = { runtime: referenceRuntime(), data: checkerboard(), iterations: 1, batchSize: 4, seed: 0, out: 'none' };
const model = { kind: 'velocity', network, params: network.init(0), classes: [] } as const;

// As in code without types.
test.each([
  [{ lr: 1e-3 }, 'lr: is no option; did you mean learningRate?'],
  [{ batchsize: 8 }, 'batchsize: is no option; did you mean batchSize?'],
  [{ teacher: model }, 'teacher: is no option; there are: runtime, '],
  [{ objective: undefined }, 'objective: wanted an objective, such as `ayfEmd()`; got nothing'],
  [{ objective: ayfEmd }, 'objective: wanted an objective, such as `ayfEmd()`; got the function ayfEmd; call it'],
  [{ runtime: Promise.resolve(common.runtime) }, 'got a promise; await it'],
  [{ data: null }, 'data: wanted a dataset, such as `checkerboard()`; got null'],
  [{ out: 3 }, 'out: wanted the path of a folder, got 3'],
])('%o is refused as an option of a training', async (change, message) => {
  const options: object = { ...common, network, objective: flowMatching(), ...change };
  const failing = trainVelocityField(options as TrainVelocityFieldOptions);
  await expect(failing).rejects.toBeInstanceOf(ConfigError);
  await expect(failing).rejects.toThrow(message);
});

test.each([
  [undefined, 'teacher: wanted a model or an opaque field, got nothing'],
  [{ model }, 'got an object of another kind; of a result, that is its `model`'],
])('%o is refused as a teacher', async (teacher, message) => {
  const options: object = { ...common, objective: ayfEmd(), teacher };
  await expect(distill(options as DistillOptions)).rejects.toThrow(message);
});
