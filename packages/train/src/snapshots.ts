import { CheckpointError, quoted, type Json, type Model } from '@flowmap/core';
import type { HostTensor } from '@flowmap/tensor';
import type { PowerProfile } from './internal/power-profile.js';

/** Averaged weights at one step of a training, from which averages of other widths can be reconstructed. */
export interface Snapshot extends PowerProfile {
  /** Name of the trainee. */
  readonly trainee: string;
  /** Name of the average. */
  readonly average: string;
  /** Its file or name, for messages. */
  readonly source: string;
  /** The model without its parameters. */
  readonly model: Omit<Model, 'params'>;
  /** Reads one of its parameters. */
  readonly tensor: (parameter: string) => Promise<HostTensor>;
}

/** What a snapshot holds; stored among the facts about its model's training. */
export interface SnapshotFacts extends Pick<Snapshot, 'trainee' | 'average' | 'step' | 'width'> {
  /** Identity of the run in whose folder it is kept. */
  readonly run?: string;
}

/** Key of these facts. */
export const SNAPSHOT = 'snapshot';

/** The name under which a store keeps a snapshot: `snapshot.student.ema.0000500`. */
export function snapshotName({ trainee, average, step }: SnapshotFacts): string {
  return `${SNAPSHOT}.${trainee}.${average}.${String(step).padStart(7, '0')}`;
}

/** The step in the name of a snapshot; undefined if the name is not that of a snapshot. */
export function stepOfSnapshot(name: string): number | undefined {
  const step = /^snapshot\.[A-Za-z][\w-]*\.[A-Za-z][\w-]*\.(\d{7,16})$/.exec(name)?.[1];
  return step === undefined ? undefined : Number(step);
}

/**
 * The snapshots among the models that a memory store has kept, sorted by name.
 *
 * @param kept `kept` of a `memoryStore`
 * @throws {CheckpointError} for a snapshot that does not state its average and step
 */
export function snapshotsIn(kept: ReadonlyMap<string, Model>): Snapshot[] {
  const names = [...kept.keys()].filter((name) => stepOfSnapshot(name) !== undefined).sort();
  return names.map((name) => {
    const { params, ...model } = kept.get(name)!;
    return { ...snapshotFacts(model, name), source: name, model, tensor: (name) => Promise.resolve(params[name]!) };
  });
}

/**
 * Reads what a snapshot holds from the facts about its model's training.
 *
 * @throws {CheckpointError} when they are missing or impossible
 */
export function snapshotFacts({ training }: Omit<Model, 'params'>, source: string): SnapshotFacts {
  const facts: Json = training?.[SNAPSHOT] ?? null;
  if (typeof facts !== 'object' || facts === null || Array.isArray(facts)) {
    throw new CheckpointError(source, 'does not say which average it is a snapshot of, and at which step');
  }
  const { trainee, average, step, width, run } = facts as Record<string, Json>;
  const isStep = typeof step === 'number' && Number.isSafeInteger(step) && step >= 1;
  if (typeof trainee === 'string' && typeof average === 'string' && isStep && typeof width === 'number') {
    if (width > 0 && width < 0.28)
      return { trainee, average, step, width, ...(typeof run === 'string' ? { run } : {}) };
  }
  const wanted = 'wanted names of trainee and average, a step of at least 1 and a width in (0, 0.28)';
  throw new CheckpointError(source, `is no snapshot: ${wanted}, got ${quoted(facts)}`);
}
