import { InferenceSession } from 'onnxruntime-node';
import { stackHostTensors, type Executable, type HostTensors } from '@flowmap/tensor';
import type { Workload } from './workloads.js';

/** Milliseconds of one step: in all, and of these inside onnxruntime. */
export interface Sample {
  readonly wall: number;
  readonly session: number;
}

let insideSession = 0;

/** Counts the time spent inside `session.run` of the sessions made from now on, onnxruntime's own conversions included. */
export function watchSessions(): void {
  const create = InferenceSession.create.bind(InferenceSession) as (...args: unknown[]) => Promise<InferenceSession>;
  const watched = async (...args: unknown[]): Promise<InferenceSession> => {
    const session = await create(...args);
    const run = session.run.bind(session) as (...args: unknown[]) => ReturnType<InferenceSession['run']>;
    session.run = async (...args: unknown[]) => {
      const start = performance.now();
      try {
        return await run(...args);
      } finally {
        insideSession += performance.now() - start;
      }
    };
    return session;
  };
  Object.assign(InferenceSession, { create: watched });
}

/**
 * Takes steps as a training loop does: makes the inputs, runs, and reads what is not a matrix.
 *
 * @param steps of one run
 * @returns the time of one step
 */
export async function takeStep(executable: Executable, workload: Workload, steps = 1): Promise<Sample> {
  const inside = insideSession;
  const start = performance.now();
  const outputs = await executable.run(steps === 1 ? workload.feeds() : stackedFeeds(workload, steps));
  for (const tensor of Object.values(outputs)) {
    if (tensor.shape.length <= 1) await tensor.read();
    tensor.dispose();
  }
  return { wall: (performance.now() - start) / steps, session: (insideSession - inside) / steps };
}

function stackedFeeds(workload: Workload, steps: number): HostTensors {
  const feeds = Array.from({ length: steps }, () => workload.feeds());
  return Object.fromEntries(
    Object.keys(feeds[0]!).map((name) => [name, stackHostTensors(feeds.map((inputs) => inputs[name]!))]),
  );
}

/** A value and the milliseconds it took. */
export async function milliseconds<T>(make: () => T | Promise<T>): Promise<[value: T, ms: number]> {
  const start = performance.now();
  const value = await make();
  return [value, performance.now() - start];
}
