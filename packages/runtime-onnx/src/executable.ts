import {
  checkFeeds,
  checkStateWritten,
  DisposedError,
  FeedError,
  hostZeros,
  type DeviceTensor,
  type Executable,
  type Feeds,
  type HostTensor,
  type HostTensors,
  type Signature,
} from '@flowmap/tensor';
import type { Tensor as OrtTensor } from 'onnxruntime-node';
import { deviceFailure } from './device-failure.js';
import { OnnxTensor } from './device-tensor.js';
import type { OpenDevice } from './host/host.js';
import type { Ort } from './load-ort.js';
import { toOrt } from './memory.js';
import type { Session } from './session.js';
import { sessionLifetime } from './session-lifetime.js';
import { outputName, stateInput, stateOutput } from './to-onnx.js';

/**
 * Runs a session whose state stays in onnxruntime's tensors, in the memory that its results are left in: each run's new state
 * is the next run's input, without a copy. Where a session writes in place, the state of the run before is where the next one
 * leaves its own.
 */
export function executable(ort: Ort, session: Session, { device, memory }: OpenDevice, program: Signature): Executable {
  const state = new Map<string, OrtTensor>();
  const spare = new Map<string, OrtTensor>();
  const what = (name: string): string => `output '${name}' of program '${program.name}'`;
  // Results in host memory do without the session that they came from.
  const lifetime = sessionLifetime(session);
  const hold = memory.location === 'cpu' ? undefined : lifetime.hold;
  let disposed = false;

  const requireLive = (): void => {
    if (disposed) throw new DisposedError(`program '${program.name}'`);
  };
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
  const room = (): Record<string, OrtTensor> => {
    const results: Record<string, OrtTensor> = {};
    for (const name of Object.keys(program.updates)) {
      results[stateOutput(name)] = spare.get(name) ?? toOrt(ort, hostZeros(program.state[name]!));
    }
    for (const [name, spec] of Object.entries(program.outputs))
      results[outputName(program, name)] = toOrt(ort, hostZeros(spec));
    return results;
  };

  return {
    program,
    async writeState(values: HostTensors): Promise<void> {
      requireLive();
      checkFeeds(program, 'state', values);
      const names = Object.keys(values);
      const written = await Promise.all(names.map(async (name) => memory.write(values[name]!)));
      for (const [i, name] of names.entries()) {
        state.get(name)?.dispose();
        state.set(name, written[i]!);
      }
    },
    async readState(names: readonly string[] = Object.keys(program.state)): Promise<Record<string, HostTensor>> {
      requireLive();
      checkStateWritten(program, state, names);
      const copies: Record<string, HostTensor> = {};
      for (const name of names) copies[name] = { ...program.state[name]!, data: await memory.read(state.get(name)!) };
      return copies;
    },
    async run(inputs: Feeds): Promise<Record<string, DeviceTensor>> {
      requireLive();
      checkFeeds(program, 'input', inputs);
      checkStateWritten(program, state);
      const feeds: Record<string, OrtTensor> = {};
      for (const [name, feed] of Object.entries(inputs)) feeds[name] = feedOf(name, feed);
      for (const [name, tensor] of state) feeds[stateInput(name)] = tensor;
      let results: Readonly<Record<string, OrtTensor>>;
      try {
        results = await session.run(feeds, session.inPlace ? room() : undefined);
        if (memory.afterRun) await memory.afterRun();
      } catch (cause) {
        throw deviceFailure(device, `running program '${program.name}'`, cause);
      }
      for (const name of Object.keys(program.updates)) {
        if (session.inPlace) spare.set(name, state.get(name)!);
        else state.get(name)!.dispose();
        state.set(name, results[stateOutput(name)]!);
      }
      const outputs: Record<string, DeviceTensor> = {};
      for (const [name, { shape, dtype }] of Object.entries(program.outputs)) {
        outputs[name] = new OnnxTensor(results[outputName(program, name)]!, memory, shape, dtype, what(name), hold?.());
      }
      return outputs;
    },
    async dispose(): Promise<void> {
      if (disposed) return;
      disposed = true;
      for (const tensor of state.values()) tensor.dispose();
      state.clear();
      spare.clear();
      await lifetime.close();
    },
  };
}
