// Writes the inputs that fuzzing starts from: node --conditions=@flowmap/source --import tsx tools/fuzz/seeds.ts.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { dit, encodeModel, encodeSafetensors, flowMapFrom, mlp, unet, type Model, type Network } from '@flowmap/core';
import { encodeMoments } from '@flowmap/eval';
import { hostTensor, normals, sizeOf } from '@flowmap/tensor';
import { exportNetwork } from '@flowmap/runtime-onnx';
import { trainVelocityField } from '@flowmap/train/node';
import sharp from 'sharp';
import { createPixelFile } from '../../packages/data/src/node/pixel-file.js';
import { pack } from './bundle.js';
import { runSetup } from './decoders.js';
import { graphSeeds } from './onnx-seeds.js';

function seed(decoder: string, name: string, bytes: Uint8Array): void {
  const folder = join(import.meta.dirname, 'corpus', decoder);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), bytes);
}

const tensors = {
  a: hostTensor([2, 1], [1, -2.5]),
  b: hostTensor([2], Float64Array.of(1, 2)),
  c: hostTensor([1], [1], 'float16'),
  d: hostTensor([1], [1], 'bfloat16'),
  e: hostTensor([], [-2], 'int32'),
  f: hostTensor([2], [0, 1], 'bool'),
};
seed('safetensors', 'all-types', encodeSafetensors(tensors, { k: 'v', é: '💡' }));
seed('safetensors', 'empty', encodeSafetensors({}));

const model = (network: Network, classes: string[] = []): Model => ({
  kind: 'velocity',
  network,
  params: network.init(0),
  classes,
  training: { iterations: 2, notes: [null, true] },
});
const teacher = model(mlp({ shape: [2], width: 2, depth: 1, classes: 2 }), ['cat', 'dog']);
seed('model', 'mlp', encodeModel(teacher));
seed('model', 'flow-map', encodeModel(flowMapFrom(teacher, 1)));
seed('model', 'dit', encodeModel(model(dit({ shape: [1, 2, 2], patch: 1, width: 4, depth: 1, heads: 1 }))));
const snapshot = { trainee: 'student', average: 'ema', step: 2, width: 0.05 };
seed('snapshot', 'mlp', encodeModel({ ...teacher, training: { snapshot } }));
const told = { shape: [2], width: 2, depth: 1, conditions: { guidance: [], text: [2, 3] }, dropout: 0.5 };
seed('model', 'conditions', encodeModel(model(mlp(told))));
const small = { shape: [1, 2, 2], channels: [2, 4], groupSize: 2, conditionWidth: 2, heads: 1 };
seed('model', 'unet', encodeModel(model(unet(small))));

for (const [name, network] of Object.entries({ mlp: mlp({ shape: [2], width: 2, depth: 1 }), unet: unet(small) })) {
  // A new network is the zero function, and nothing else would be left of it.
  const drawn = Object.entries(network.init(0)).map(([name, { shape }], sample) => {
    return [name, hostTensor(shape, normals({ seed: 0, purpose: 'seeds', sample }, sizeOf(shape)))] as const;
  });
  seed(
    'onnx',
    name,
    exportNetwork({ kind: 'velocity', network, params: Object.fromEntries(drawn), classes: [] }).model,
  );
}
for (const [name, file] of Object.entries(graphSeeds())) seed('onnx', name, file);

const images = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20, 30, 40);
seed('idx', 'images', images);
seed('idx', 'labels', Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 1, 0));
seed('idx', 'images.gz', gzipSync(images));
const records = new Uint8Array(2 * 3073).fill(9, 3073, 3074);
seed('cifar10', 'two', records);
seed('cifar10', 'two.gz', gzipSync(records));

const picture = sharp({ create: { width: 9, height: 7, channels: 4, background: '#12345678' } });
seed('images', 'rgba.png', await picture.clone().png().toBuffer());
seed('images', 'palette.png', await picture.clone().png({ palette: true, progressive: true }).toBuffer());
seed('images', 'grey16.png', await picture.clone().toColourspace('grey16').png().toBuffer());
seed('images', 'plain.jpg', await picture.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer());
seed('images', 'progressive.jpg', await picture.clone().jpeg({ progressive: true }).toBuffer());
seed('images', 'lossy.webp', await picture.clone().webp().toBuffer());
seed('images', 'lossless.webp', await picture.clone().webp({ lossless: true }).toBuffer());
seed('images', 'grey-alpha.png', await picture.clone().toColourspace('b-w').png().toBuffer());
seed('images', 'plain.gif', await picture.clone().gif().toBuffer());
seed('images', 'deflate.tif', await picture.clone().tiff({ compression: 'deflate' }).toBuffer());
seed('images', 'jpeg.tif', await picture.clone().tiff({ compression: 'jpeg' }).toBuffer());
seed('images', 'lossy.avif', await picture.clone().avif().toBuffer());

const moments = { count: 9, width: 2, mean: Float64Array.of(1, 2), covariance: Float64Array.of(2, 1, 1, 3) };
const source = { extractor: 'fuzz', weights: null, resize: 'none' };
seed('moments', 'double', encodeMoments({ ...moments, source }));
seed('moments', 'single', encodeMoments({ ...moments, source: { ...source, weights: 'a1' } }, { dtype: 'float32' }));

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-seeds-'));
const cache = join(scratch, 'cache');
const fingerprint = createHash('sha256').digest();
const pixels = await createPixelFile(cache, [2, 4], 3);
for (const image of [0, 1])
  await pixels.write(
    image,
    Uint8Array.from({ length: 24 }, (_, i) => 24 * image + i),
  );
const facts = {
  all: fingerprint,
  images: fingerprint,
  kinds: Uint8Array.of(1, 1, 7),
  skipped: [[2, 'is empty']] as const,
};
await (await pixels.finish(facts, 3)).close();
seed('image-cache', 'two', readFileSync(cache));

/** Files that Python made (tools/reference). */
const reference = join(import.meta.dirname, '../../packages/eval/src/__fixtures__');
for (const name of ['archive.pt', 'legacy.pth']) seed('torch', name, readFileSync(join(reference, name)));
for (const name of ['stored.npz', 'compressed.npz', 'orders.npz'])
  seed('npz', name, readFileSync(join(reference, name)));

const events = join(import.meta.dirname, '../../packages/train/src/node/__fixtures__');
const [eventFile] = readdirSync(events).filter((name) => name.startsWith('events.'));
seed('events', 'scalars', readFileSync(join(events, eventFile!)));

const stop = new AbortController();
const out = join(scratch, 'run');
const { network, data, objective, runtime, iterations, batchSize } = await runSetup(out);
const onLog = ({ step }: { step: number }): void => (step === 2 ? stop.abort() : undefined);
const common = {
  network,
  data,
  objective,
  runtime,
  iterations,
  batchSize,
  out,
  seed: 0,
  checkpointEvery: 2,
  logEvery: 1,
};
await trainVelocityField({ ...common, signal: stop.signal, onLog, progress: 'none' });
const checkpoint = join(out, 'checkpoints/0000002');
const files = [
  ...['config.json', 'latest', 'log.jsonl'].map((name) => [name, readFileSync(join(out, name))] as const),
  ...readdirSync(checkpoint).map((name) => [name, readFileSync(join(checkpoint, name))] as const),
];
// 'unfinished' beside it is a run of the first layout, which the current code no longer writes.
seed('run-folder', 'one-state', pack(Object.fromEntries(files)));
rmSync(scratch, { recursive: true });
