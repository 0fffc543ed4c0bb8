// The page of `npm run bench -- --exported`: see exported.ts.
import { onnxRuntime } from '@flowmap/runtime-onnx';
import * as ort from 'onnxruntime-web/wasm';
import { students, timeSamplers, type SamplerTimes } from './exported-samplers.js';

/** What the page offers to the program that drives it. */
export interface TimingPage {
  time(name: string, options: { threads: number; rounds: number; small: boolean }): Promise<SamplerTimes>;
}

/** What that program offers: processor time of the page's process in seconds. */
interface Driver {
  processTime(): Promise<number>;
}

const page: TimingPage = {
  async time(name, { threads, rounds, small }) {
    const runtime = await onnxRuntime({ device: 'cpu', threads, wasmPaths: '/onnxruntime/' });
    const clock = async (): Promise<number> => 1000 * (await (globalThis as unknown as Driver).processTime());
    return timeSamplers(ort, students(small)[name]!, { threads, rounds, runtime, clock });
  },
};
Object.assign(globalThis, page);
