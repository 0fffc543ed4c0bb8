import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { causeText, CheckpointError, decodeDescription, WriteError, type ReadOptions } from '@flowmap/core';
import { openSafetensors, removeTemporaries } from '@flowmap/core/node';
import { snapshotFacts, stepOfSnapshot, type Snapshot } from '../snapshots.js';
import { readRunConfig } from './run-config.js';
import { namesIn } from './run-folder.js';

const ENDING = '.safetensors';

/** File of a model that a run keeps under a name. */
export function keptPath(folder: string, name: string): string {
  return join(folder, 'kept', `${name}${ENDING}`);
}

/** Names of the snapshots in a run's folder. */
async function snapshotNames(folder: string): Promise<string[]> {
  const files = (await namesIn(join(folder, 'kept'))).filter((file) => file.endsWith(ENDING));
  const names = files.map((file) => file.slice(0, -ENDING.length));
  return names.filter((name) => stepOfSnapshot(name) !== undefined).sort();
}

/**
 * Removes the snapshots of steps that a run takes again, and temporary files that a killed process left.
 *
 * @throws {WriteError} when the folder cannot be changed
 */
export async function removeLaterSnapshots(folder: string, step: number): Promise<void> {
  if (!(await namesIn(folder)).includes('kept')) return;
  await removeTemporaries(join(folder, 'kept'));
  for (const name of await snapshotNames(folder)) {
    if (stepOfSnapshot(name)! <= step) continue;
    const path = keptPath(folder, name);
    await rm(path).catch((cause: unknown) => {
      throw new WriteError(path, `cannot be removed (${causeText(cause)})`, { cause });
    });
  }
}

/**
 * Opens the snapshots in a run's folder. Only their descriptions are read now; tensors are read on demand.
 *
 * @param options how much each file may ask for, and whether its checksums are compared
 * @returns an empty list if the run kept none
 * @throws {CheckpointError} for a snapshot that is damaged, of another run, or exceeds a limit
 */
export async function openSnapshots(folder: string, options?: ReadOptions): Promise<Snapshot[]> {
  const names = await snapshotNames(folder);
  const config = join(folder, 'config.json');
  const isRun = names.length > 0 && (await namesIn(folder)).includes('config.json');
  const id = isRun ? (await readRunConfig(config, options)).id : undefined;
  const snapshots: Snapshot[] = [];
  for (const name of names) {
    const source = keptPath(folder, name);
    const { metadata, shapes, tensor } = await openSafetensors(source, options);
    const model = decodeDescription(metadata, Object.keys(shapes).length, source, options);
    const facts = snapshotFacts(model, source);
    if (facts.step !== stepOfSnapshot(name)) {
      throw new CheckpointError(source, `is of step ${facts.step}, not of that which its name says`);
    }
    if (facts.run !== undefined && id !== undefined && facts.run !== id) {
      throw new CheckpointError(source, `is of another run than ${config}`);
    }
    snapshots.push({ ...facts, source, model, tensor });
  }
  return snapshots;
}
