import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  CheckpointError,
  ConfigError,
  DataError,
  decodeModel,
  decodeSafetensors,
  mlp,
  type FlowmapError,
} from '@flowmap/core';
import { lockChosenFolder } from '@flowmap/core/node';
import { eightGaussians, idxDataset, imageDataset, parseCifar10, parseIdx } from '@flowmap/data';
import { cifar10Binary, idxFiles, imageFolder } from '@flowmap/data/node';
import { decodeMoments, decodeNpz, decodeTorchFile, momentsFromNpz, npzNames } from '@flowmap/eval';
import { flowMatching } from '@flowmap/objectives';
import { importOnnx, OnnxImportError } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { FeedError, input } from '@flowmap/tensor';
import { ReconstructionError, RunMismatchError } from '@flowmap/train';
import { loadAverage } from '@flowmap/train/node';
import { openPixelFile } from '../../packages/data/src/node/pixel-file.js';
import { lengthUntil } from '../../packages/train/src/node/event-file.js';
import { openLog } from '../../packages/train/src/node/log.js';
import { openRun } from '../../packages/train/src/node/open-run.js';
import { nextRunFolder } from '../../packages/train/src/node/run-folder.js';
import { setUp, type TrainSetup } from '../../packages/train/src/node/setup.js';
import { unpack } from './bundle.js';
import { mutateCache, mutateCifar10, mutateIdx } from './mutators/data-files.js';
import { mutateEvents } from './mutators/events.js';
import { mutateImage } from './mutators/images.js';
import type { Mutator } from './mutators/mutator.js';
import { mutateNpz } from './mutators/npz.js';
import { mutateOnnx } from './mutators/onnx.js';
import { mutateRunFolder } from './mutators/run-folder.js';
import { mutateSafetensors } from './mutators/safetensors.js';
import { mutateTorch } from './mutators/torch.js';

/** Something that reads untrusted bytes. */
export interface Decoder {
  readonly mutate: Mutator;
  /** The errors that it may throw. */
  readonly errors: readonly (abstract new (...args: never[]) => FlowmapError)[];
  /** How far the process's memory may rise while decoding one input, in MiB. */
  readonly memory: number;
  /** Number of inputs between checks of the coverage. */
  readonly batch: number;
  /**
   * Reads an input.
   *
   * @param scratch a folder of the decoder's own
   */
  decode(bytes: Uint8Array, scratch: string): unknown;
}

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

function written(scratch: string, name: string, bytes: Uint8Array): string {
  const path = join(scratch, name);
  writeFileSync(path, bytes);
  return path;
}

/** Every decoder, by the name of its folder in corpus/ and found/. */
export const decoders: Readonly<Record<string, Decoder>> = {
  safetensors: {
    mutate: mutateSafetensors,
    errors: [CheckpointError],
    memory: 512,
    batch: 256,
    decode: (bytes) => decodeSafetensors(bytes, 'fuzz'),
  },
  snapshot: {
    mutate: mutateSafetensors,
    errors: [CheckpointError, ConfigError, ReconstructionError],
    memory: 512,
    batch: 128,
    async decode(bytes, scratch) {
      const folder = join(scratch, 'snapshots');
      mkdirSync(join(folder, 'kept'), { recursive: true });
      writeFileSync(join(folder, 'kept/snapshot.student.ema.0000002.safetensors'), bytes);
      return loadAverage(folder, { width: 0.05 });
    },
  },
  model: {
    mutate: mutateSafetensors,
    errors: [CheckpointError],
    memory: 512,
    batch: 256,
    decode: (bytes) => decodeModel(bytes, 'fuzz'),
  },
  idx: {
    mutate: mutateIdx,
    errors: [DataError],
    memory: 512,
    batch: 256,
    decode: (bytes, scratch) =>
      isGzip(bytes) ? idxFiles({ images: written(scratch, 'images.gz', bytes) }) : plainIdx(bytes),
  },
  cifar10: {
    mutate: mutateCifar10,
    errors: [DataError],
    memory: 512,
    batch: 256,
    decode: (bytes, scratch) =>
      isGzip(bytes) ? cifar10Binary(written(scratch, 'data_batch_1.bin.gz', bytes)) : parseCifar10(bytes),
  },
  images: {
    mutate: mutateImage,
    errors: [DataError],
    memory: 1024,
    batch: 32,
    decode: (bytes, scratch) => imageFolder(dirname(written(scratch, 'a.png', bytes)), { cache: false, size: [8, 8] }),
  },
  torch: {
    mutate: mutateTorch,
    errors: [CheckpointError],
    memory: 512,
    batch: 128,
    decode: (bytes) => decodeTorchFile(bytes, 'fuzz'),
  },
  npz: {
    mutate: mutateNpz,
    errors: [CheckpointError],
    memory: 512,
    batch: 128,
    decode: (bytes) =>
      npzNames(bytes, 'fuzz').includes('mu')
        ? momentsFromNpz(bytes, { extractor: 'fuzz', weights: null, resize: 'none', count: 2 })
        : decodeNpz(bytes, 'fuzz'),
  },
  moments: {
    mutate: mutateSafetensors,
    errors: [CheckpointError],
    memory: 512,
    batch: 256,
    decode: (bytes) => decodeMoments(bytes, 'fuzz'),
  },
  events: {
    mutate: mutateEvents,
    errors: [],
    memory: 512,
    batch: 256,
    decode: (bytes) => lengthUntil(bytes, 2),
  },
  'image-cache': {
    mutate: mutateCache,
    errors: [],
    memory: 512,
    batch: 64,
    async decode(bytes, scratch) {
      const file = await openPixelFile(written(scratch, 'images', bytes));
      if (!file) return;
      const shape = [file.channels, ...file.size];
      const pixels = new Uint8Array(shape.reduce((product, side) => product * side, file.count));
      if (await file.readAll(pixels)) imageDataset({ name: 'cache', pixels, shape });
      await file.close();
    },
  },
  onnx: {
    mutate: mutateOnnx,
    errors: [OnnxImportError, FeedError], // the last one for sizes of inputs that the file does not allow
    memory: 512,
    batch: 128,
    decode: traceOnnx,
  },
  'run-folder': {
    mutate: mutateRunFolder,
    errors: [CheckpointError, RunMismatchError, ConfigError], // the last for a folder whose config.json is missing
    memory: 512,
    batch: 16,
    async decode(bytes, scratch) {
      const out = mkdtempSync(join(scratch, 'run-'));
      try {
        for (const [name, content] of Object.entries(unpack(bytes))) writeRunFile(out, name, content);
        const lock = await lockChosenFolder(async () => (await nextRunFolder(out)).folder);
        try {
          const run = await openRun(await runSetup(out), lock.folder);
          await openLog(join(run.folder, 'log.jsonl'), run.from?.step ?? 0);
        } finally {
          lock.release();
        }
      } finally {
        rmSync(out, { recursive: true });
      }
    },
  },
};

/** Imports a file and traces it, with inputs of the sizes that it states, and small ones otherwise. */
function traceOnnx(bytes: Uint8Array): void {
  const network = importOnnx(bytes, { source: 'fuzz', maxNodes: 2000 });
  const inputs = Object.entries(network.inputs).map(([name, { dtype, shape }]) => {
    const sizes = shape.map((extent) => (typeof extent === 'number' ? extent : 2));
    return [name, input(name, sizes, dtype)] as const;
  });
  network.apply({}, Object.fromEntries(inputs));
}

function plainIdx(bytes: Uint8Array): void {
  const array = parseIdx(bytes);
  if (array.shape.length === 1) {
    idxDataset({ images: { shape: [array.shape[0]!, 1, 1], data: array.data }, labels: array });
  } else {
    idxDataset({ images: array });
  }
}

/** The settings with which the checkpoint in the corpus was made. */
export function runSetup(out: string): Promise<TrainSetup> {
  const network = mlp({ shape: [2], width: 2, depth: 1 });
  const options = { runtime: referenceRuntime(), data: eightGaussians(), objective: flowMatching(), out };
  return setUp(
    { ...options, iterations: 4, batchSize: 2, seed: 0, progress: 'none', checkpointEvery: 2 },
    { model: { kind: 'velocity', network, params: network.init(0), classes: [] }, peak: 1e-3 },
  );
}

const CHECKPOINT = 'checkpoints/0000002';

/** Files of a bundle that belong to the checkpoint; the others are the run's. */
const ofCheckpoint = new Set([
  'state.json',
  'state.safetensors',
  ...['model.safetensors', 'ema.safetensors', 'optimizer.safetensors'], // files of the first layout
]);

function writeRunFile(out: string, name: string, content: Uint8Array): void {
  const path = join(out, ofCheckpoint.has(name) ? CHECKPOINT : '', name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
