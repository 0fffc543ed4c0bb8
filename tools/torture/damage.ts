import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { FlowmapError } from '@flowmap/core';
import { loadModel } from '@flowmap/core/node';
import { loadCheckpoint, type TrainVelocityFieldOptions } from '@flowmap/train/node';
import type { Random } from '../fuzz/random.js';
import { Fault } from './faults.js';
import { attempt, examine, filesIn, stopAfter, training, wholeRun, type Whole } from './training.js';

/** Damage to the files of runs: each is tried on one that was stopped, or one that has finished. */
export interface Damage {
  /**
   * Changes one bit of one file.
   *
   * @returns whether the run was refused
   * @throws {Fault}
   */
  readonly flip: (random: Random) => Promise<boolean>;
  /**
   * Replaces files and folders of a run by those of another.
   *
   * @returns whether the run was refused
   * @throws {Fault}
   */
  readonly exchange: (random: Random) => Promise<boolean>;
}

export async function damage(scratch: string): Promise<Damage> {
  const at = (name: string): string => join(scratch, name);
  const whole = await wholeRun(training(at('finished')));
  await stopAfter(5, training(at('stopped')));
  // Another run with other settings, and one with the same, both stopped and finished.
  for (const [name, seed] of [
    ['other', 1],
    ['twin', 0],
  ] as const) {
    await stopAfter(5, training(at(`stopped-${name}`), { seed }));
    await wholeRun(training(at(`finished-${name}`), { seed }));
  }
  let number = 0;
  const copyOf = (state: string): string => {
    const out = at(`damaged-${number++}`);
    cpSync(at(state), out, { recursive: true });
    return out;
  };
  const stateOf = (random: Random): string => random.pick(['stopped', 'finished']);
  return {
    async flip(random) {
      const state = stateOf(random);
      const out = copyOf(state);
      const file = random.pick(filesIn(out));
      const bytes = readFileSync(join(out, file));
      const place = random.below(bytes.length);
      bytes[place]! ^= 1 << random.below(8);
      writeFileSync(join(out, file), bytes);
      if (file.endsWith('.safetensors')) await requireNoticed(join(out, file), join(at(state), file));
      return goOn(out, whole, `${state}, a bit of byte ${place} of ${file}`);
    },
    async exchange(random) {
      const state = stateOf(random);
      const out = copyOf(state);
      const other = at(`${state}-${random.pick(['other', 'twin'])}`);
      const places = [...new Set(filesIn(other).flatMap(withFolders))];
      const chosen = Array.from({ length: 1 + random.below(3) }, () => random.pick(places));
      for (const place of chosen) {
        rmSync(join(out, place), { recursive: true, force: true });
        cpSync(join(other, place), join(out, place), { recursive: true });
      }
      return goOn(out, whole, `${state}, with ${chosen.join(', ')} of ${other}`);
    },
  };
}

/** A file's path, and the paths of the folders that contain it. */
function withFolders(file: string): string[] {
  const parts = file.split('/');
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
}

/** A model file with a changed bit is refused, or read as it was before. */
async function requireNoticed(file: string, original: string): Promise<void> {
  if (file.endsWith('state.safetensors')) return; // checked against its manifest when the run continues
  const read = async (path: string): Promise<unknown> => {
    const { network, ...model } = await loadModel(path);
    return { ...model, network: network.config };
  };
  try {
    if (isDeepStrictEqual(await read(file), await read(original))) return;
  } catch (error) {
    if (error instanceof FlowmapError) return;
    throw new Fault('uncaught error', String(error), { cause: error });
  }
  throw new Fault('silent difference', file);
}

/** Continues a run that was damaged: it ends as it would have, with a note, or is refused and left as it is. */
async function goOn(out: string, whole: Whole, what: string): Promise<boolean> {
  const options: TrainVelocityFieldOptions = training(out);
  const before = filesIn(out);
  try {
    const outcome = await attempt(options);
    if ('error' in outcome) {
      const gone = before.filter((file) => !existsSync(join(out, file)));
      if (gone.length > 0) throw new Fault('silent difference', `refused, but ${gone.join(', ')} is gone`);
    } else {
      await examine(out, outcome, whole, true);
      await requireLoadable(out);
    }
    rmSync(out, { recursive: true });
    return 'error' in outcome;
  } catch (error) {
    if (error instanceof Fault) throw new Fault(error.kind, `${what}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Whether the checkpoint that the pointer names is intact. */
async function requireLoadable(out: string): Promise<void> {
  const name = readFileSync(join(out, 'latest'), 'utf8').trim();
  const path = join(out, 'checkpoints', name);
  await loadCheckpoint(path, {}).catch((error: unknown) => {
    if (error instanceof FlowmapError) return; // it was damaged after the run had finished, and is refused
    throw new Fault('uncaught error', String(error), { cause: error });
  });
}
