import type { LogRecord, Model } from '@flowmap/core';
import type { HostTensors } from '@flowmap/tensor';
import { stepOfSnapshot } from './snapshots.js';

/** Everything a run needs to resume as if it had never stopped. */
export interface Checkpoint {
  /** Steps taken. */
  readonly step: number;
  /** Time trained so far. */
  readonly seconds: number;
  /** All states of trainees, `<trainee>.<part>.<parameter>`: those that steps change, and fixed parameters. */
  readonly state: HostTensors;
}

/** Where a run keeps what must not be lost: a folder in Node, or memory in a page. */
export interface RunStore {
  /** The newest checkpoint, from which training resumes; undefined at the start. */
  readonly from: Checkpoint | undefined;
  /** Its place, for messages. */
  readonly place: string | undefined;
  /** Records so far. */
  readonly records: readonly LogRecord[];
  /**
   * Called once everything has been checked, before the first step, so that the store can write what it must write at
   * the start, and remove snapshots of steps after its checkpoint, which will be taken again.
   */
  begin?(): Promise<void>;
  append(record: LogRecord): Promise<void>;
  /**
   * Saves a checkpoint completely, or leaves the previous one in place.
   *
   * @returns its place, for messages
   */
  save(checkpoint: Checkpoint): Promise<string>;
  /** Keeps a model under a name. */
  keep(name: string, model: Model): Promise<void>;
  /**
   * Keeps the inputs of a step that gave a NaN or an infinity, by phase and name, beside the last checkpoint.
   *
   * @param step number of the step, counted from 1
   * @returns their place, for messages
   */
  keepInputs?(step: number, inputs: HostTensors): Promise<string>;
}

/** A store that lasts as long as it is referenced. */
export interface MemoryStore extends RunStore {
  /** The newest checkpoint; pass it to {@link memoryStore} to resume from it. */
  readonly latest: Checkpoint | undefined;
  readonly kept: ReadonlyMap<string, Model>;
}

/**
 * Keeps a run in memory.
 *
 * @param from the run to resume: the contents of an earlier store; a new run unless given
 */
export function memoryStore(
  from?: Pick<MemoryStore, 'latest' | 'records'> & Partial<Pick<MemoryStore, 'kept'>>,
): MemoryStore {
  const start = from?.latest;
  const records = (from?.records ?? []).filter(({ step }) => step <= (start?.step ?? 0));
  const kept = new Map([...(from?.kept ?? [])].filter(([name]) => (stepOfSnapshot(name) ?? 0) <= (start?.step ?? 0)));
  const place = (step: number): string => `step ${step} in memory`;
  let latest = start;
  return {
    from: start,
    place: start && place(start.step),
    records,
    kept,
    get latest() {
      return latest;
    },
    append(record) {
      records.push(record);
      return Promise.resolve();
    },
    save(checkpoint) {
      latest = checkpoint;
      return Promise.resolve(place(checkpoint.step));
    },
    keep(name, model) {
      kept.set(name, model);
      return Promise.resolve();
    },
  };
}
