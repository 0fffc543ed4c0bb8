import { join } from 'node:path';
import type { Dataset, Model } from '@flowmap/core';
import { writeImageGrid } from '@flowmap/data/node';
import { concatHostTensors } from './host-tensors.js';
import { hostTensor, type HostTensor, type Runtime } from '@flowmap/tensor';

/** What the pictures of the tools are made with. */
export interface Workshop {
  readonly runtime: Runtime;
  readonly data: Dataset;
  readonly teacher: Model;
  /** A student that was trained from noise towards data. */
  readonly student: Model;
  /** One that was trained in both orders. */
  readonly both: Model | undefined;
  /** Writes rows of equally many images as one picture. */
  readonly picture: (name: string, rows: readonly HostTensor[]) => Promise<void>;
  readonly print: (line: string) => void;
}

/** Emoji and their classes, by name. */
export interface Chosen {
  readonly samples: HostTensor;
  readonly labels: readonly string[];
}

/** Writes pictures into a folder. */
export function picturesIn(folder: string): Workshop['picture'] {
  return async (name, rows) => {
    const { data, shape } = concatHostTensors(rows);
    const columns = rows[0]!.shape[0]!;
    await writeImageGrid(join(folder, `${name}.png`), { images: data, shape: shape.slice(1), columns, scale: 2 });
  };
}

/** The emoji of some indices. */
export async function choose(data: Dataset, indices: readonly number[]): Promise<Chosen> {
  const { x, conditions } = await data.batch(indices);
  const labels = Array.from(conditions['label'] as Int32Array, (label) => data.classes[label]!);
  return { samples: hostTensor([indices.length, ...data.shape], x), labels };
}

/** Emoji by their class and their place in it. */
export async function pick(
  data: Dataset,
  places: readonly (readonly [category: string, place: number])[],
): Promise<Chosen> {
  const all = Array.from({ length: data.length }, (_, i) => i);
  const { conditions } = await data.batch(all);
  const labels = conditions['label'] as Int32Array;
  const indexOf = (category: string, place: number): number =>
    all.filter((i) => data.classes[labels[i]!] === category)[place]!;
  return choose(
    data,
    places.map(([category, place]) => indexOf(category, place)),
  );
}
