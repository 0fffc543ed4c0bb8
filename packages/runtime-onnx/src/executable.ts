import {
  FeedError,
  guarded,
  hostZeros,
  type CompiledProgram,
  type DeviceTensor,
  type HostTensor,
  type MakeExecutable,
  type Signature,
} from '@flowmap/tensor';
import type { Tensor as OrtTensor } from 'onnxruntime-node';
import { deviceFailure } from './device-failure.js';
import { OnnxTensor } from './device-tensor.js';
import type { OpenDevice } from './host/host.js';
import { toOrt } from './memory.js';
import type { Session } from './session.js';
import { sessionLifetime } from './session-lifetime.js';
import { outputName, stateInput, stateOutput } from './to-onnx.js';

/** A state between two runs. */
export interface Held {
  readonly tensor: OrtTensor;
  /** If sessions write in place: the previous value, whose memory the next one takes. */
  readonly previous?: OrtTensor;
  /** If tensors live no longer than the session they came from: releases the hold on that session. */
  readonly released?: (() => void) | undefined;
}

/** Makes the executables of a device. */
export function executables({ memory }: OpenDevice): MakeExecutable<Held> {
  return guarded<Held>({
    write: async (tensor) => ({ tensor: await memory.write(tensor) }),
    read: async ({ tensor }, spec) => ({ ...spec, data: await memory.read(tensor) }),
    release({ tensor, released }) {
      // In host memory it may be the `previous` of the next value.
      if (memory.location === 'cpu') return;
      tensor.dispose();
      released?.();
    },
  });
}

/**
 * Runs a session whose state stays in onnxruntime's tensors, in the memory where its results are: the new state of each
 * run is the input of the next, without a copy. If a session writes in place, each run's state overwrites that of the
 * run before the last.
 */
export function compiled(
  session: Session,
  { ort, device, memory }: OpenDevice,
  program: Signature,
): CompiledProgram<Held> {
  const labelOf = (name: string): string => `output '${name}' of program '${program.name}'`;
  // Tensors in host memory do not depend on the session they came from.
  const lifetime = sessionLifetime(session);
  const hold = memory.location === 'cpu' ? undefined : lifetime.hold;

  const feedOf = (name: string, feed: HostTensor | DeviceTensor): OrtTensor => {
    if ('data' in feed) return toOrt(ort, feed);
    if (feed instanceof OnnxTensor && [memory.location, 'cpu'].includes(feed.ort.location)) return feed.ort;
    throw new FeedError(
      program.name,
      name,
      `input '${name}' is a tensor of another runtime or device; read() it first`,
    );
  };
  /** Memory for a run's results. */
  const resultMemory = (stateOf: (name: string) => Held): Record<string, OrtTensor> => {
    const results: Record<string, OrtTensor> = {};
    for (const [name, spec] of Object.entries(program.updates)) {
      results[stateOutput(name)] = stateOf(name).previous ?? toOrt(ort, hostZeros(spec));
    }
    for (const [name, spec] of Object.entries(program.outputs))
      results[outputName(program, name)] = toOrt(ort, hostZeros(spec));
    return results;
  };

  return {
    async run(inputs, stateOf) {
      const feeds: Record<string, OrtTensor> = {};
      for (const [name, feed] of Object.entries(inputs)) feeds[name] = feedOf(name, feed);
      for (const name of Object.keys(program.state)) feeds[stateInput(name)] = stateOf(name).tensor;
      let results: Readonly<Record<string, OrtTensor>>;
      try {
        results = await session.run(feeds, session.inPlace ? resultMemory(stateOf) : undefined);
        if (memory.afterRun) await memory.afterRun();
      } catch (cause) {
        throw deviceFailure(device, `running program '${program.name}'`, cause);
      }
      const updates: Record<string, Held> = {};
      for (const name of Object.keys(program.updates)) {
        const tensor = results[stateOutput(name)]!;
        updates[name] = session.inPlace ? { tensor, previous: stateOf(name).tensor } : { tensor, released: hold?.() };
      }
      const outputs: Record<string, DeviceTensor> = {};
      for (const [name, { shape, dtype }] of Object.entries(program.outputs)) {
        outputs[name] = new OnnxTensor(
          results[outputName(program, name)]!,
          memory,
          shape,
          dtype,
          labelOf(name),
          hold?.(),
        );
      }
      return { outputs, updates };
    },
    dispose: () => lifetime.close(),
  };
}
