import {
  checkFeeds,
  checkStateWritten,
  FeedError,
  type DeviceTensor,
  type Executable,
  type Feeds,
  type HostTensor,
  type HostTensors,
  type Program,
} from '@flowmap/tensor';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { copyToOrt, OnnxTensor, toOrt } from './device-tensor.js';
import type { Ort } from './load-ort.js';
import { outputName, stateInput, stateOutput } from './to-onnx.js';

/** Runs a session whose state stays in onnxruntime's tensors: each run's new state is the next run's input, without a copy. */
export function executable(ort: Ort, session: InferenceSession, program: Program): Executable {
  const state = new Map<string, OrtTensor>();
  const fetches = session.outputNames;

  const feedOf = (name: string, feed: HostTensor | DeviceTensor): OrtTensor => {
    if ('data' in feed) return toOrt(ort, feed);
    if (feed instanceof OnnxTensor) return feed.ort;
    throw new FeedError(program.name, name, `input '${name}' is a device tensor of another runtime; read() it first`);
  };

  return {
    program,
    async writeState(values: HostTensors): Promise<void> {
      checkFeeds(program, 'state', values);
      for (const [name, value] of Object.entries(values)) state.set(name, copyToOrt(ort, value));
    },
    async readState(names: readonly string[] = Object.keys(program.state)): Promise<Record<string, HostTensor>> {
      checkStateWritten(program, state, [...names]);
      const copies: Record<string, HostTensor> = {};
      for (const name of names) {
        const { shape, dtype } = program.state[name]!;
        copies[name] = await new OnnxTensor(state.get(name)!, shape, dtype).read();
      }
      return copies;
    },
    async run(inputs: Feeds): Promise<Record<string, DeviceTensor>> {
      checkFeeds(program, 'input', inputs);
      checkStateWritten(program, state);
      const feeds: Record<string, OrtTensor> = {};
      for (const [name, feed] of Object.entries(inputs)) feeds[name] = feedOf(name, feed);
      for (const [name, tensor] of state) feeds[stateInput(name)] = tensor;
      const results = await session.run(feeds, fetches);
      for (const name of Object.keys(program.updates)) {
        state.get(name)!.dispose();
        state.set(name, results[stateOutput(name)]!);
      }
      const outputs: Record<string, DeviceTensor> = {};
      for (const [name, { shape, dtype }] of Object.entries(program.outputs)) {
        outputs[name] = new OnnxTensor(results[outputName(program, name)]!, shape, dtype);
      }
      return outputs;
    },
    async dispose(): Promise<void> {
      for (const tensor of state.values()) tensor.dispose();
      state.clear();
      await session.release();
    },
  };
}
