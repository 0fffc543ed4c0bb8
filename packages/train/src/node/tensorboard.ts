import { appendFile, mkdir, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { causeText, WriteError, type Callback } from '@flowmap/core';
import { requireKnownOptions, requireWhole } from '@flowmap/tensor';
import { firstEvents, lengthUntil, scalarEvent } from './event-file.js';
import { namesIn } from './run-folder.js';

/** Options of {@link tensorboard}. */
export interface TensorboardOptions {
  /** Steps between events, at least 1; a two-hundredth of the run, at least 1, unless given. */
  readonly every?: number;
}

/** Our event files; those of other programs in the folder are not touched. */
const OURS = /^events\.out\.tfevents\.\d+\.flowmap\.\d+$/;

/**
 * Writes the records of the first step, of every n-th and of the last as an event file for TensorBoard, beside the run's log:
 * each number is a scalar under its name. Callbacks that add to a record must be placed before this one.
 *
 * A resumed run starts another file in the folder, and events of steps after the checkpoint it resumes from are removed
 * from the earlier files, so that no step occurs twice. Readers that have the folder open drop those steps too.
 *
 * @param folder created if it does not exist; with the folder of the run, `tensorboard --logdir runs` shows a run of
 *   that name
 * @throws {ConfigError} when the number of steps is not a whole number of at least 1
 * @throws {WriteError} in training, when the folder cannot be written
 *
 * @example
 * await distill({ ...settings, out: 'runs/emoji', callbacks: [tensorboard('runs/emoji')] });
 */
export function tensorboard(folder: string, options: TensorboardOptions = {}): Callback {
  requireKnownOptions('tensorboard', options, { every: true });
  const { every } = options;
  if (every !== undefined) requireWhole('tensorboard.every', every);
  let file: string | undefined;
  const written = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof WriteError) throw cause;
      throw new WriteError(file ?? folder, `cannot be written (${causeText(cause)})`, { cause });
    }
  };
  return {
    name: 'tensorboard',
    every: 1,
    prepare() {
      file = undefined; // a callback may serve several trainings, one after another
    },
    async run(moment) {
      const { step, iterations } = moment;
      const path = (file ??= await written(() => begin(folder, step)));
      const between = every ?? Math.max(1, Math.floor(iterations / 200));
      if (step !== 1 && step % between !== 0 && step !== iterations) return;
      const { step: _, ...scalars } = await moment.record();
      await written(() => appendFile(path, scalarEvent({ wallTime: Date.now() / 1000, step, scalars })));
    },
  };
}

/**
 * Removes events from a step on, and begins a file for what follows.
 *
 * @returns its path
 */
async function begin(folder: string, step: number): Promise<string> {
  await mkdir(folder, { recursive: true });
  const names = (await namesIn(folder)).filter((name) => OURS.test(name));
  for (const name of names) {
    const content = await readFile(join(folder, name));
    const length = lengthUntil(content, step - 1);
    if (length < content.length) await truncate(join(folder, name), length);
  }
  // Readers take files in the order of their names, which must contain seconds since 1970.
  const wallTime = Date.now() / 1000;
  const file = join(folder, `events.out.tfevents.${Math.floor(wallTime)}.flowmap.${names.length}`);
  await appendFile(file, firstEvents(wallTime, step));
  return file;
}
