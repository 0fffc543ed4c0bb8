import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, mlp, WriteError } from '@flowmap/core';
import { eightGaussians } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { firstEvents, lengthUntil, maskedChecksum, scalarEvent } from './event-file.js';
import type { TrainVelocityFieldOptions } from './options.js';
import { tensorboard } from './tensorboard.js';
import { trainVelocityField } from './train.js';

let scratch = '';
beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'flowmap-tensorboard-'))));
afterAll(async () => rm(scratch, { recursive: true }));

const fixture = (name: string): string => join(import.meta.dirname, '__fixtures__', name);

/** What TensorBoard read from the file beside it, by tools/reference/tensorboard_events.py. */
interface Golden {
  readonly events: readonly { wallTime: number; step: number; scalars: Record<string, number> }[];
}

describe('an event file', () => {
  test('is what TensorBoard has read', async () => {
    const { events } = JSON.parse(await readFile(fixture('tensorboard.json'), 'utf8')) as Golden;
    expect(events).toHaveLength(3);
    const content = Buffer.concat([firstEvents(1.7e9, 1), ...events.map(scalarEvent)]);
    expect(content.equals(await readFile(fixture('events.out.tfevents.1700000000.flowmap.0')))).toBe(true);
  });

  test('has checksums as RFC 3720, section B.4, gives them for CRC-32C, masked', () => {
    const masked = (sum: number): number => (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0;
    expect(maskedChecksum(new Uint8Array(32))).toBe(masked(0x8a9136aa));
    expect(maskedChecksum(new Uint8Array(32).fill(255))).toBe(masked(0x62a8ab43));
  });

  test('is cut before the first event after a step, and before what is damaged or incomplete', () => {
    const parts = [firstEvents(1, 1), ...[1, 300, 2 ** 40].map((step) => scalarEvent({ wallTime: 2, step, scalars: { loss: step } }))]; // prettier-ignore
    const content = Buffer.concat(parts);
    const ends = parts.map((_, i) => Buffer.concat(parts.slice(0, i + 1)).length);
    expect([1, 299, 300, 2 ** 40].map((step) => lengthUntil(content, step))).toEqual([ends[1], ends[1], ends[2], ends[3]]); // prettier-ignore
    expect(lengthUntil(content, 0)).toBeLessThan(ends[0]!); // the start of the run is removed too
    for (let size = ends[1]!; size < ends[2]!; size++) {
      expect(lengthUntil(content.subarray(0, size), Infinity)).toBe(ends[1]);
    }
    for (let place = ends[1]!; place < ends[2]!; place++) {
      const damaged = Buffer.from(content);
      damaged[place]! ^= 1;
      expect(lengthUntil(damaged, Infinity)).toBe(ends[1]);
    }
    expect(lengthUntil(new Uint8Array(), 1)).toBe(0);
  });
});

describe('a run', () => {
  const training = (name: string, more: Partial<TrainVelocityFieldOptions> = {}): Promise<unknown> => {
    const out = join(scratch, name);
    return trainVelocityField({
      runtime: referenceRuntime(),
      data: eightGaussians(),
      network: mlp({ shape: [2], width: 4, depth: 1 }),
      objective: flowMatching(),
      iterations: 6,
      batchSize: 4,
      seed: 0,
      checkpointEvery: 2,
      logEvery: 1,
      progress: 'none',
      callbacks: [tensorboard(out)],
      out,
      ...more,
    });
  };
  const files = async (name: string): Promise<string[]> =>
    (await readdir(join(scratch, name))).filter((file) => file.startsWith('events.out.tfevents.')).sort();

  /** Steps and losses in a run's event files, in their order. */
  async function losses(name: string): Promise<[step: number, loss: number][]> {
    const found: [number, number][] = [];
    for (const file of await files(name)) {
      const content = await readFile(join(scratch, name, file));
      for (let start = 0; start < content.length; start += 16 + content.readUInt32LE(start)) {
        const event = content.subarray(start + 12, start + 12 + content.readUInt32LE(start));
        const tag = event.indexOf('\n\x04loss\x15', 0, 'latin1');
        if (tag >= 0) found.push([event[10]!, event.readFloatLE(tag + 7)]);
      }
    }
    return found;
  }
  const logged = async (name: string): Promise<[number, number][]> =>
    (await readFile(join(scratch, name, 'log.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { step: number; loss: number })
      .map(({ step, loss }) => [step, Math.fround(loss)]);

  test('has the numbers of its log', async () => {
    await training('whole');
    expect(await files('whole')).toHaveLength(1);
    expect(await losses('whole')).toEqual(await logged('whole'));
    expect((await losses('whole')).map(([step]) => step)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('that is resumed from before its last event has no step twice, and leaves others alone', async () => {
    const stop = { store: 0 };
    const failing = { name: 'failing', every: 1, run: ({ step }: { step: number }): void => {
      if (step === 4 && stop.store++ === 0) throw new Error('power cut');
    } }; // prettier-ignore
    const out = join(scratch, 'resumed');
    const callbacks = [tensorboard(out), failing];
    await expect(training('resumed', { callbacks })).rejects.toThrow('power cut');
    expect((await losses('resumed')).map(([step]) => step)).toEqual([1, 2, 3, 4]); // the checkpoint is of step 2
    const foreign = join(out, 'events.out.tfevents.1.host.2.0');
    await writeFile(foreign, 'of another program');
    await training('resumed', { callbacks });
    expect(await readFile(foreign, 'utf8')).toBe('of another program');
    await rm(foreign);
    expect(await files('resumed')).toHaveLength(2);
    expect(await losses('resumed')).toEqual(await losses('whole'));
  });

  test('writes as often as it is told, the first and the last step too', async () => {
    const out = join(scratch, 'seldom');
    await training('seldom', { callbacks: [tensorboard(out, { every: 4 })] });
    expect((await losses('seldom')).map(([step]) => step)).toEqual([1, 4, 6]);
  });

  test('is refused where that cannot be', async () => {
    expect(() => tensorboard('x', { every: 0 })).toThrow(ConfigError);
    const file = join(scratch, 'file');
    await writeFile(file, '');
    await expect(training('refused', { callbacks: [tensorboard(file)] })).rejects.toThrow(WriteError);
  });
});
