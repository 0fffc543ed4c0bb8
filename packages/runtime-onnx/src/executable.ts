import {
  checkFeeds,
  checkStateWritten,
  DisposedError,
  FeedError,
  type DeviceTensor,
  type Executable,
  type Feeds,
  type HostTensor,
  type HostTensors,
  type Program,
} from '@flowmap/tensor';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { copyFromOrt, copyToOrt, OnnxTensor, toOrt } from './device-tensor.js';
import type { Ort } from './load-ort.js';
import { outputName, stateInput, stateOutput } from './to-onnx.js';

/** Runs a session whose state stays in onnxruntime's tensors: each run's new state is the next run's input, without a copy. */
export function executable(ort: Ort, session: InferenceSession, program: Program): Executable {
  const state = new Map<string, OrtTensor>();
  const what = (name: string): string => `output '${name}' of program '${program.name}'`;
  let disposed = false;

  const requireLive = (): void => {
    if (disposed) throw new DisposedError(`program '${program.name}'`);
  };
  const feedOf = (name: string, feed: HostTensor | DeviceTensor): OrtTensor => {
    if ('data' in feed) return toOrt(ort, feed);
    if (feed instanceof OnnxTensor) return feed.ort;
    throw new FeedError(program.name, name, `input '${name}' is a tensor of another runtime; read() it first`);
  };

  return {
    program,
    writeState(values: HostTensors): Promise<void> {
      return Promise.resolve().then(() => {
        requireLive();
        checkFeeds(program, 'state', values);
        for (const [name, value] of Object.entries(values)) {
          state.get(name)?.dispose();
          state.set(name, copyToOrt(ort, value));
        }
      });
    },
    async readState(names: readonly string[] = Object.keys(program.state)): Promise<Record<string, HostTensor>> {
      requireLive();
      checkStateWritten(program, state, names);
      const copies: Record<string, HostTensor> = {};
      for (const name of names) copies[name] = { ...program.state[name]!, data: await copyFromOrt(state.get(name)!) };
      return copies;
    },
    async run(inputs: Feeds): Promise<Record<string, DeviceTensor>> {
      requireLive();
      checkFeeds(program, 'input', inputs);
      checkStateWritten(program, state);
      const feeds: Record<string, OrtTensor> = {};
      for (const [name, feed] of Object.entries(inputs)) feeds[name] = feedOf(name, feed);
      for (const [name, tensor] of state) feeds[stateInput(name)] = tensor;
      const results = await session.run(feeds);
      for (const name of Object.keys(program.updates)) {
        state.get(name)!.dispose();
        state.set(name, results[stateOutput(name)]!);
      }
      const outputs: Record<string, DeviceTensor> = {};
      for (const [name, { shape, dtype }] of Object.entries(program.outputs)) {
        outputs[name] = new OnnxTensor(results[outputName(program, name)]!, shape, dtype, what(name));
      }
      return outputs;
    },
    async dispose(): Promise<void> {
      if (disposed) return;
      disposed = true;
      for (const tensor of state.values()) tensor.dispose();
      state.clear();
      await session.release();
    },
  };
}
