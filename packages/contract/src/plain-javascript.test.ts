import {
  compileAdaptiveSolver,
  compileLiveSampler,
  compileSampler,
  ConfigError,
  dit,
  endpointScore,
  euler,
  flowMapFrom,
  generate,
  loader,
  mlp,
  samplerProgram,
  unet,
  type Model,
} from '@flowmap/core';
import { checkerboard, gaussianMixture, imageDataset, imageGrid, spirals, withCrops } from '@flowmap/data';
import { cifar10Binary, idxFiles, imageBatches, imageFolder, writeImageGrid } from '@flowmap/data/node';
import {
  ayfEmd,
  ayfLmd,
  flowMatching,
  lengthWeight,
  logUniformLengths,
  stepIntervals,
  teacherTrajectories,
  velocityAnchor,
} from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import { adamw, cosineSchedule, lossByLength } from '@flowmap/train';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

// Calls in code without types: each line has a function, its arguments, and the error that it must
// throw.
type Call = (...args: never[]) => unknown;

const runtime = referenceRuntime();
const network = mlp({ shape: [2], width: 4, depth: 1, classes: 2 });
const model: Model = { kind: 'velocity', network, params: network.init(0), classes: ['a', 'b'] };
const unlabelled = mlp({ shape: [2], width: 4, depth: 1 });
const plain: Model = { kind: 'velocity', network: unlabelled, params: unlabelled.init(0), classes: [] };
const result = { model, folder: 'runs/teacher' };
const request = { runtime, count: 1, seed: 0, steps: 1, labels: ['a'] };
const image = { shape: [3, 8, 8] };
const here = fileURLToPath(import.meta.url);

const mistakes: readonly (readonly [name: string, call: Call, args: readonly unknown[], message: string])[] = [
  ['an unknown option of a network', mlp, [{ shape: [2], widht: 8 }], 'mlp.widht: is no option; did you mean width?'],
  ['that of another network', unet, [{ ...image, depth: 2 }], 'unet.depth: is no option; there are: '],
  ['no options', dit, [], 'dit: wanted its options as an object, got nothing'],
  ['a size that is a number', unet, [{ shape: 32 }], 'unet.shape: wanted [channels, height, width], got 32'],
  ['channels that are a number', unet, [{ ...image, channels: 32 }], 'unet.channels: wanted a list of'],
  ['intervalBlocks without an interval', mlp, [{ shape: [2], intervalBlocks: 1 }], 'mlp.intervalBlocks: '],
  ['an unknown option of a student', flowMapFrom, [model, 0, { exactdiagonal: true }], 'did you mean exactDiagonal?'],
  ['the result of a training', flowMapFrom, [result, 0], 'of a result, that is its `model`'],

  ['a runtime not awaited', compileSampler, [onnxRuntime(), model, { batchSize: 1 }], 'got a promise; await it'],
  ['a result for a model', compileSampler, [runtime, result, { batchSize: 1 }], 'that is its `model`'],
  ['no options for a sampler', compileSampler, [runtime, model], 'compileSampler: wanted its options as an object'],
  ['an unknown option', compileSampler, [runtime, model, { batchsize: 1 }], 'did you mean batchSize?'],
  [
    'a sampler not called',
    compileSampler,
    [runtime, model, { batchSize: 1, sampler: euler }],
    'the function euler; call it',
  ],
  [
    'an unknown option',
    compileLiveSampler,
    [runtime, model, { frozen: true }],
    'compileLiveSampler.frozen: is no option',
  ],
  ['an unknown option', compileAdaptiveSolver, [runtime, model, { steps: 1 }], 'compileAdaptiveSolver.steps: is no'],
  ['an unknown option', endpointScore, [runtime, model, { steps: 1 }], 'endpointScore.steps: is no option'],
  ['an unknown option', samplerProgram, [euler(), { network, batchSize: 1, step: 1 }], 'did you mean steps?'],
  ['a runtime not awaited', generate, [model, { ...request, runtime: onnxRuntime() }], 'runtime: wanted a runtime'],
  ['an unknown option', generate, [model, { ...request, step: 1 }], 'generate.step: is no option; did you mean steps?'],
  [
    'a label outside a list',
    generate,
    [model, { ...request, labels: 'a' }],
    'labels: wanted a list of classes, got "a"',
  ],
  ['a count that is text', generate, [model, { ...request, count: '4' }], 'count: wanted a whole number >= 1'],

  [
    'an unknown option',
    loader,
    [checkerboard(), { batchSize: 1, seed: 0, shuffle: true }],
    'loader.shuffle: is no option',
  ],
  ['a dataset not called', loader, [checkerboard, { batchSize: 1, seed: 0 }], 'the function checkerboard; call it'],
  [
    'a dataset not awaited',
    loader,
    [Promise.resolve(checkerboard()), { batchSize: 1, seed: 0 }],
    'got a promise; await it',
  ],
  ['an unknown option', checkerboard, [{ sead: 1 }], 'did you mean seed?'],
  ['an unknown option', spirals, [{ arm: 3 }], 'did you mean arms?'],
  ['an unknown option', gaussianMixture, [{ weights: [1], means: [[0]], std: [1] }], 'did you mean stds?'],
  [
    'a size that is a number',
    imageFolder,
    ['x', { size: 32 }],
    'imageFolder.size: wanted [height, width], got 32; did you mean [32, 32]?',
  ],
  [
    'a folder that is missing',
    imageFolder,
    [{ size: [32, 32] }],
    'imageFolder.folder: wanted the path of a file or folder',
  ],
  ['a class outside a list', imageFolder, ['x', { classes: 'cat' }], 'imageFolder.classes: wanted a list of names'],
  ['an unknown option', imageFolder, ['x', { sizes: [8, 8] }], 'imageFolder.sizes: is no option; did you mean size?'],
  ['a size that is a number', imageBatches, ['x', { size: 32 }], 'did you mean [32, 32]?'],
  [
    'a split of a single file',
    cifar10Binary,
    [here, { split: 'test' }],
    'cifar10Binary.split: has no effect with a single file',
  ],
  ['an unknown split', cifar10Binary, [here, { split: 'tset' }], "cifar10Binary.split: wanted 'train' or 'test'"],
  [
    'classes without labels',
    idxFiles,
    [{ images: here, classes: ['0'] }],
    'idxFiles.classes: has no effect without `labels`',
  ],
  [
    'a shape that is a number',
    imageDataset,
    [{ name: 'x', pixels: new Uint8Array(3), shape: 1 }],
    'imageDataset(x).shape: ',
  ],
  [
    'a colour that is a name',
    imageGrid,
    [{ images: [0], shape: [1, 1, 1], background: 'red' }],
    'imageGrid.background: ',
  ],
  ['a picture without a path', writeImageGrid, [{ shape: [], data: [] }], 'writeImageGrid.path: wanted the path'],

  ['an unknown option', ayfEmd, [{ warmup: 10 }], 'ayfEmd.warmup: is no option'],
  ['a name for its options', ayfEmd, ['ayf-paper'], 'ayfEmd: wanted its options as an object, got "ayf-paper"'],
  ['a part not called', ayfEmd, [{ intervalLengths: logUniformLengths }], 'the function logUniformLengths; call it'],
  ['a norm of nothing', ayfEmd, [{ c: Infinity, norm: 'rms' }], 'ayfEmd.norm: has no effect with c: Infinity'],
  ['a norm of nothing', ayfLmd, [{ c: Infinity, norm: 'l2' }], 'ayfLmd.norm: has no effect with c: Infinity'],
  ['text for a truth', ayfEmd, [{ quarantine: 'no' }], 'ayfEmd.quarantine: wanted true or false, got "no"'],
  [
    'an option of other times',
    flowMatching,
    [{ times: 'uniform', mean: 1 }],
    "flowMatching.mean: has no effect with times: 'uniform'",
  ],
  [
    'an unknown distribution',
    flowMatching,
    [{ times: 'normal' }],
    'flowMatching.times: wanted one of logit-normal, uniform',
  ],
  ['an unknown option', lengthWeight, [{ exponent: 1 }], 'lengthWeight.exponent: is no option; there are: power'],
  ['an unknown option', stepIntervals, [{ step: [1] }], 'did you mean steps?'],
  ['two ways at once', velocityAnchor, [ayfEmd(), { share: 0.5, batch: {} }], 'one has no effect beside the other'],
  ['an objective not called', velocityAnchor, [ayfEmd, { share: 0.5 }], 'the function ayfEmd; call it'],
  [
    'a sampler not called',
    teacherTrajectories,
    [ayfEmd(), { steps: 1, sampler: euler }],
    'the function euler; call it',
  ],

  [
    'a teacher that nothing asks',
    lossByLength,
    [{ runtime, student: model, objective: flowMatching(), teacher: model }],
    'lossByLength.teacher: has no effect with flow-matching, which needs none',
  ],
  ['a scale that nothing takes', generate, [model, { ...request, guidance: 2 }], 'conditions.guidance: network'],
  ['labels without classes', generate, [plain, request], 'labels: wanted none, since the network has no classes'],
  ['a crop without a size', imageFolder, ['x', { crop: 'top' }], 'imageFolder.crop: has no effect without size'],
  ['a size that is a number', withCrops, [checkerboard(), { size: 2 }], 'withCrops.shape: wanted [channels'],
  ['an unknown option', onnxRuntime, [{ thread: 1 }], 'onnxRuntime.thread: is no option; did you mean threads?'],
  ['a device in place of options', onnxRuntime, ['cpu'], 'onnxRuntime: wanted its options as an object, got "cpu"'],
  ['an unknown option', tfjsRuntime, [{ backends: 'cpu' }], 'did you mean backend?'],
  [
    'a place of another back end',
    tfjsRuntime,
    [{ backend: 'cpu', wasmPaths: '/' }],
    'tfjsRuntime.wasmPaths: has an effect only where',
  ],
  ['an unknown option', adamw, [{ beta: 0.9 }], 'adamw.beta: is no option; did you mean beta1?'],
  ['an unknown option', cosineSchedule, [1, { warmup: 5 }], 'cosineSchedule.warmup: is no option'],
];

test.each(mistakes)('%s: %o', async (_, call, args, message) => {
  const failing = new Promise((resolve) => {
    resolve(call(...(args as never[])));
  });
  await expect(failing).rejects.toBeInstanceOf(ConfigError);
  await expect(failing).rejects.toThrow(message);
});
