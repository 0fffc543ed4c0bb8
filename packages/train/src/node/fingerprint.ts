import { createHash } from 'node:crypto';
import { dataReport, type DataReport, type Dataset } from '@flowmap/core';

/** What is known of data before training. */
export interface Examined {
  /** A SHA-256 in hexadecimal digits, which identifies the samples. */
  readonly fingerprint: string;
  readonly report: DataReport;
}

/**
 * Identifies data by its own fingerprint, if it has one, and by its samples: all of them if they are few, otherwise 256
 * that are spread evenly. The same samples give the data's statistics.
 */
export async function examine(data: Dataset): Promise<Examined> {
  const hash = createHash('sha256').update(JSON.stringify((await data.fingerprint?.()) ?? null));
  const { name, length, shape, classes } = data;
  const batch: Dataset['batch'] = async (indices) => {
    const read = await data.batch(indices);
    hash.update(bytesOf(read.x));
    for (const key of Object.keys(read.conditions).sort()) hash.update(key).update(bytesOf(read.conditions[key]!));
    return read;
  };
  const report = await dataReport({ name, length, shape, classes, batch });
  return { fingerprint: hash.digest('hex'), report };
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
