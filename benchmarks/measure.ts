import { stackHostTensors, type Executable, type HostTensors } from '@flowmap/tensor';
import type { OpenDevice } from '../packages/runtime-onnx/src/host/host.js';
import { host } from '../packages/runtime-onnx/src/host/node.js';
import type { Session } from '../packages/runtime-onnx/src/session.js';
import type { Workload } from './workloads.js';

/** Milliseconds of one step: in total, and inside onnxruntime. */
export interface Sample {
  readonly wall: number;
  readonly session: number;
}

/** Milliseconds of processor time of all threads of this process, which other work on the machine hardly affects. */
export function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

let insideSession = 0;

/** Counts the time that sessions of runtimes opened from now on spend inside onnxruntime, including its conversions. */
export function watchSessions(): void {
  replaceSessions(({ createSession }) => async (...args) => {
    const session = await createSession(...args);
    const run: Session['run'] = async (feeds, results) => {
      const start = performance.now();
      try {
        return await session.run(feeds, results);
      } finally {
        insideSession += performance.now() - start;
      }
    };
    return { ...session, run };
  });
}

/** Makes runtimes opened from now on create their sessions with another function; the returned function undoes this. */
export function replaceSessions(by: (opened: OpenDevice) => OpenDevice['createSession']): () => void {
  const open = host.open.bind(host);
  const replaced: typeof open = async (...args) => {
    const opened = await open(...args);
    return { ...opened, createSession: by(opened) };
  };
  Object.assign(host, { open: replaced });
  return () => Object.assign(host, { open });
}

/**
 * Takes steps like a training loop: creates the inputs, runs, and reads everything that is not a matrix.
 *
 * @param steps steps per run
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
