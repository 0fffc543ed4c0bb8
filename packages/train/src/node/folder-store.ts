import { join } from 'node:path';
import { ConfigError, encodeSafetensors, type Json, type Model, type ReadLimits } from '@flowmap/core';
import { lockFolder, removeTemporaries, saveModel, writeFileAtomic } from '@flowmap/core/node';
import { requireKnownOptions, requireWhole } from '@flowmap/tensor';
import type { Trainees } from '../internal/groups.js';
import type { RunStore } from '../run-store.js';
import { SNAPSHOT } from '../snapshots.js';
import { findCheckpoint, loadCheckpoint, putAside, saveCheckpoint } from './checkpoints.js';
import { keptPath, removeLaterSnapshots } from './kept.js';
import { openLog } from './log.js';
import { checkpointName } from './manifest.js';
import type { Run } from './open-run.js';
import { requireFit } from './require-fit.js';
import { namesIn, requireStillThere } from './run-folder.js';

/** A run in a folder that is locked against other trainings until closed. */
export interface FolderStore extends RunStore {
  readonly folder: string;
  /** What was not as the run had left it, and what was done about it; to be shown to the user. */
  readonly notes: readonly string[];
  /** Unlocks the folder; to be called when training has ended, however it ended. */
  close(): void;
}

/**
 * Opens a folder for a custom training: `log.jsonl`, the last two `checkpoints`, and models in `kept`. If the folder
 * has a checkpoint, training continues from there.
 *
 * The run's settings are not recorded: it is up to the caller to resume a run with the settings it began with.
 *
 * @param folder created if it does not exist
 * @param trainees what is trained; a checkpoint must fit it
 * @param options.keep steps between milestones: checkpoints that are kept beside the last two, the first at or after
 *   each multiple of this number; none unless given
 * @param options.limits limits on what the folder's files may ask for; the defaults of `ReadLimits` unless given
 * @throws {FolderInUseError} when another process, or another call in this one, trains in the folder
 * @throws {ConfigError} for the folder of a run of `trainVelocityField` or `distill`
 * @throws {CheckpointError} when its files are damaged, exceed a limit, or belong to other trainees
 * @throws {WriteError} when the folder cannot be written
 *
 * @example
 * const store = await openFolderStore('runs/gan', trainees);
 * await train({ runtime, trainees, phases, batches, iterations, store }).finally(() => store.close());
 */
export async function openFolderStore(
  folder: string,
  trainees: Trainees,
  options: { readonly limits?: ReadLimits; readonly keep?: number } = {},
): Promise<FolderStore> {
  requireKnownOptions('openFolderStore', options, { limits: true, keep: true });
  const { limits, keep = Infinity } = options;
  if (keep !== Infinity) requireWhole('openFolderStore.keep', keep);
  const lock = lockFolder(folder);
  try {
    if ((await namesIn(folder)).includes('config.json')) {
      const whose = `'${folder}' has a config.json and is one of trainVelocityField or distill`;
      throw new ConfigError('openFolderStore.folder', `wanted a folder for a run of its own, but ${whose}`);
    }
    await removeTemporaries(folder);
    const { checkpoint, damaged, notes } = await findCheckpoint(folder, limits);
    const from = checkpoint === undefined ? undefined : await loadCheckpoint(checkpoint, trainees, limits);
    if (from !== undefined) requireFit(from, { iterations: Infinity, trainees }, checkpoint!);
    const store = await folderStore({ folder, from, checkpoint, id: undefined, damaged }, trainees, keep);
    return { ...store, folder, notes: [...notes, ...store.notes], close: () => lock.release() };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/**
 * Keeps a run in a folder that this process has locked; nothing is written before `begin`.
 *
 * @param keep steps between milestones
 * @throws {CheckpointError} when the log cannot be read
 */
export async function folderStore(
  {
    folder,
    from,
    checkpoint,
    id,
    damaged,
    begin,
  }: Omit<Run, 'begin' | 'finish' | 'notes'> & Partial<Pick<Run, 'begin'>>,
  trainees: Trainees,
  keep: number,
): Promise<RunStore & Pick<FolderStore, 'notes'>> {
  const log = await openLog(join(folder, 'log.jsonl'), from?.step ?? 0, from?.log);
  return {
    from,
    place: checkpoint,
    records: log.records,
    notes: log.notes,
    async begin() {
      await putAside(damaged);
      await begin?.(); // a log without its settings would be mistaken for a foreign file
      await log.begin();
      await removeLaterSnapshots(folder, from?.step ?? 0);
    },
    append: (record) => log.append(record),
    async save(checkpoint) {
      await requireStillThere(folder, id);
      await log.flush();
      const origin = { ...(id === undefined ? {} : { run: id }), log: log.facts() };
      return saveCheckpoint(folder, checkpoint, trainees, { origin, keep });
    },
    async keep(name, model) {
      if (!/^[\w][\w.-]*$/.test(name)) {
        throw new ConfigError('keep.name', `wanted letters, digits, '.', '-' and '_', got '${name}'`);
      }
      await saveModel(keptPath(folder, name), ofRun(model, id));
    },
    async keepInputs(step, inputs) {
      const path = join(folder, 'checkpoints', `inputs.${checkpointName(step)}.safetensors`);
      await writeFileAtomic(path, encodeSafetensors(inputs, { step: String(step) }, { checksums: true }));
      return path;
    },
  };
}

/** A model that names its run, if it is a snapshot. */
function ofRun(model: Model, run: string | undefined): Model {
  const facts = model.training?.[SNAPSHOT];
  if (run === undefined || typeof facts !== 'object' || facts === null || Array.isArray(facts)) return model;
  return { ...model, training: { ...model.training, [SNAPSHOT]: { ...(facts as Record<string, Json>), run } } };
}
