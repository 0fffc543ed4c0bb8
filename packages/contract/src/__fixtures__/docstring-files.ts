import { mkdir, writeFile } from 'node:fs/promises';
import { saveModel } from '@flowmap/core/node';
import { writeImageGrid } from '@flowmap/data/node';
import { momentsToNpz } from '@flowmap/eval';
import { exportNetwork, toOnnx } from '@flowmap/runtime-onnx';
import { program } from '@flowmap/tensor';
import { images, reference, store, teacher } from './docstring-values.js';

/** Writes the files that examples of doc comments read, into the working directory. */
export async function writeFiles(): Promise<void> {
  await Promise.all(['unet', 'imagenet/train', 'photos'].map((folder) => mkdir(folder, { recursive: true })));
  for (const name of ['imagenet/train/1.png', 'imagenet/train/2.png', 'photos/1.png'])
    await writeImageGrid(name, images);
  await writeFile('cifar10-32x32.npz', momentsToNpz(reference));

  const { shape } = images;
  const velocity = program('teacher', { inputs: { x: shape, t: [2] } }, ({ x, t }) => ({
    outputs: { velocity: x.mul(t.reshape([2, 1, 1, 1])) },
  }));
  const inception = program('inception', { inputs: { images: shape } }, ({ images }) => ({
    outputs: { features: images.mean([2, 3]) },
  }));
  const files = {
    'teacher.onnx': toOnnx(velocity),
    'inception.onnx': toOnnx(inception),
    'unet.onnx': exportNetwork(teacher).model,
    'unet/model.onnx': exportNetwork(teacher).model,
  };
  for (const [name, bytes] of Object.entries(files)) await writeFile(name, bytes);

  for (const [name, model] of store.kept) await saveModel(`runs/student/kept/${name}.safetensors`, model);
}
