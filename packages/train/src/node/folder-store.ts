import { join } from 'node:path';
import { ConfigError } from '@flowmap/core';
import { saveModel } from '@flowmap/core/node';
import type { Trainees } from '../internal/groups.js';
import type { RunStore } from '../run-store.js';
import { saveCheckpoint } from './checkpoints.js';
import { openLog } from './log.js';
import type { Run } from './open-run.js';

/**
 * Keeps a run in a folder that this process has locked: `log.jsonl`, the last two `checkpoints`, and models in `kept`.
 *
 * @throws {CheckpointError} when the log cannot be read
 * @throws {WriteError} when the folder cannot be written
 */
export async function folderStore({ folder, from, checkpoint, begin }: Run, trainees: Trainees): Promise<RunStore> {
  const log = await openLog(join(folder, 'log.jsonl'), from?.step ?? 0);
  return {
    from,
    place: checkpoint,
    records: log.records,
    begin,
    append: (record) => log.append(record),
    save: (state) => saveCheckpoint(folder, state, trainees),
    async keep(name, model) {
      if (!/^[\w][\w.-]*$/.test(name)) {
        throw new ConfigError('keep.name', `wanted letters, digits, '.', '-' and '_', got '${name}'`);
      }
      await saveModel(join(folder, 'kept', `${name}.safetensors`), model);
    },
  };
}
