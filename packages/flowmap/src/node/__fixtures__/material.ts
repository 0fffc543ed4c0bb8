import { join, sep } from 'node:path';
import { mlp, unet, type Model } from '@flowmap/core';
import { saveModel } from '@flowmap/core/node';
import { writeImageGrid } from '@flowmap/data/node';
import { hostTensor, normals, sizeOf, type HostTensors } from '@flowmap/tensor';

/** Writes a picture of noise, `side` pixels wide and high, that depends on its name and its folder's. */
export async function writeNoise(path: string, side: number): Promise<void> {
  const purpose = path.split(sep).slice(-2).join('/');
  const images = normals({ seed: 0, purpose }, 3 * side ** 2);
  await writeImageGrid(path, { images, shape: [3, side, side], gap: 0 });
}

/**
 * Writes a flow map of images with 4 x 4 pixels in two classes, or of other samples; points may have further
 * conditions.
 */
export async function writeFlowMap(
  path: string,
  shape: readonly number[] = [3, 4, 4],
  conditions: Readonly<Record<string, readonly number[]>> = {},
): Promise<void> {
  const network =
    shape.length === 1
      ? mlp({ shape, classes: 2, conditions, interval: true, width: 8, depth: 1 })
      : unet({ shape, classes: 2, interval: true, channels: [16], conditionWidth: 16 });
  const drawn = Object.entries(network.parameters).map(([name, spec]) => [
    name,
    hostTensor(
      spec.shape,
      normals({ seed: 1, purpose: name }, sizeOf(spec.shape)).map((value) => 0.3 * value),
    ),
  ]);
  const model: Model = {
    kind: 'flowMap',
    network,
    params: Object.fromEntries(drawn) as HostTensors,
    classes: ['cat', 'dog'],
  };
  await saveModel(path, model);
}

/** Writes a folder with two classes of 4 x 4 images. */
export async function writePhotos(folder: string): Promise<void> {
  for (const name of ['cat/1', 'cat/2', 'dog/1']) await writeNoise(join(folder, `${name}.png`), 4);
}
