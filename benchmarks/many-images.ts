import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { sizesOf, unet, type Dataset } from '@flowmap/core';
import { loader } from '@flowmap/data';
import { imageFolder } from '@flowmap/data/node';
import { flowMatching } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { normals } from '@flowmap/tensor';
import { trainVelocityField } from '@flowmap/train/node';

const SIDE = 24;
const CLASSES = 10;
const PER_FOLDER = 1000;
const BATCH = 32;
const STEPS = 20;

/**
 * Writes PNG images of noise in ten classes, reads them as a dataset twice, the second time from the cache, prints times
 * and memory, times training steps with the pixels in memory and on disk in turn, and removes everything.
 */
export async function timeManyImages(count: number, threads: number, rounds: number): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'flowmap-many-'));
  const [folder, cache] = [join(scratch, 'images'), join(scratch, 'cache')];
  try {
    const made = seconds();
    writeImages(folder, count);
    console.log(`${count} images of ${SIDE} x ${SIDE} written in ${made()} s`);
    for (const what of ['decoded', 'from the cache']) {
      clearPeak();
      const [before, took] = [memory('VmRSS'), seconds()];
      const data = await imageFolder(folder, { cache, maxMemory: 0 });
      const opened = took();
      const first = seconds();
      await loader(data, { batchSize: BATCH, seed: 0 }).batch(0);
      const peak = memory('VmHWM');
      console.log(
        `${what}: ${opened} s, first batch after ${first()} s more; peak ${mebibytes(peak)} MiB, ` +
          `${mebibytes(peak - before)} more than before`,
      );
    }
    const [file] = readdirSync(cache);
    console.log(`cache file: ${mebibytes(statSync(join(cache, file!)).size)} MiB`);
    await compareSteps(folder, cache, { threads, rounds, out: join(scratch, 'run') });
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Milliseconds of a step with the pixels in memory and on disk, in turn. */
async function compareSteps(
  folder: string,
  cache: string,
  { threads, rounds, out }: { readonly threads: number; readonly rounds: number; readonly out: string },
): Promise<void> {
  const runtime = await onnxRuntime({ device: 'cpu', threads });
  const kinds = { memory: Infinity, disk: 0 };
  const times: Record<string, number[]> = { memory: [], disk: [] };
  for (let round = 0; round < rounds; round++) {
    for (const [kind, maxMemory] of Object.entries(kinds)) {
      const data = await imageFolder(folder, { cache, maxMemory });
      times[kind]!.push(...(await stepTimes(data, runtime, `${out}-${kind}-${round}`)));
    }
  }
  for (const [kind, all] of Object.entries(times)) {
    const sorted = all.sort((a, b) => a - b);
    const [least, median] = [sorted[0]!, sorted[sorted.length >> 1]!].map((ms) => ms.toFixed(1));
    console.log(`a step of ${BATCH} with the pixels in ${kind}: median ${median!} ms, least ${least!} ms`);
  }
}

async function stepTimes(
  data: Dataset,
  runtime: Awaited<ReturnType<typeof onnxRuntime>>,
  out: string,
): Promise<number[]> {
  const at: number[] = [];
  await trainVelocityField({
    ...{ data, runtime, out, batchSize: BATCH, seed: 0, iterations: STEPS, logEvery: 1, progress: 'none' },
    network: unet({ ...sizesOf(data), channels: [16, 32], conditionWidth: 32 }),
    objective: flowMatching(),
    onLog: () => void at.push(performance.now()),
  });
  return at.slice(1).map((time, i) => time - at[i]!);
}

/**
 * Writes images of noise, all with the bytes of one picture except the first ones, which hold the number of
 * the image.
 */
function writeImages(folder: string, count: number): void {
  const rows = SIDE * (1 + 3 * SIDE);
  const noise = Uint8Array.from(normals({ seed: 0, purpose: 'pixels' }, rows), (value) => 128 + 40 * value);
  for (let row = 0; row < SIDE; row++) noise[row * (1 + 3 * SIDE)] = 0; // its filter: none
  for (let i = 0; i < count; i++) {
    const inside = join(folder, `class ${i % CLASSES}`, String(Math.floor(i / PER_FOLDER / CLASSES)));
    if (i % (PER_FOLDER * CLASSES) < CLASSES) mkdirSync(inside, { recursive: true });
    new DataView(noise.buffer).setUint32(1, i);
    writeFileSync(join(inside, `${i}.png`), png(noise));
  }
}

function png(rows: Uint8Array): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(SIDE, 0);
  header.writeUInt32BE(SIDE, 4);
  header.set([8, 2, 0, 0, 0], 8); // 8-bit RGB
  const chunks = [
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 1 })),
    chunk('IEND', Buffer.alloc(0)),
  ];
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...chunks]);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const result = Buffer.alloc(12 + data.length);
  result.writeUInt32BE(data.length, 0);
  result.write(type, 4, 'latin1');
  result.set(data, 8);
  result.writeUInt32BE(crc32(result.subarray(4, 8 + data.length)), 8 + data.length);
  return result;
}

function seconds(): () => string {
  const start = performance.now();
  return () => ((performance.now() - start) / 1000).toFixed(1);
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

/** Resets the peak of resident memory, on Linux. */
function clearPeak(): void {
  writeFileSync('/proc/self/clear_refs', '5');
}

/** A field of the process's memory in bytes, on Linux. */
function memory(field: 'VmRSS' | 'VmHWM'): number {
  const [, kibibytes] = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8'))!;
  return 1024 * Number(kibibytes);
}
