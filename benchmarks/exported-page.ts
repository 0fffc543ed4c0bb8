// The page of `npm run bench -- --exported`: see exported.ts.
import { onnxRuntime } from '@flowmap/runtime-onnx';
import * as ort from 'onnxruntime-web/wasm';
import { students, timeSamplers, type SamplerTimes } from './exported-samplers.js';

/** What the page offers to whoever drives it. */
export interface TimingPage {
  time(name: string, options: { threads: number; rounds: number; small: boolean }): Promise<SamplerTimes>;
}

const page: TimingPage = {
  async time(name, { threads, rounds, small }) {
    const runtime = await onnxRuntime({ device: 'cpu', threads, wasmPaths: '/onnxruntime/' });
    return timeSamplers(ort, students(small)[name]!, { threads, rounds, runtime });
  },
};
Object.assign(globalThis, page);
