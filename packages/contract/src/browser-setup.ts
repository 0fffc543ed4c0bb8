import { onnxRuntime } from '@flowmap/runtime-onnx';
import type { TestProject } from 'vitest/node';
import { trainingRun, type RunNumbers } from './internal/training-run.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The training run on onnxruntime-node. */
    readonly runInNode: RunNumbers;
  }
}

/** Computes in Node what tests in a browser compare their own results with. */
export default async function setup(project: TestProject): Promise<void> {
  project.provide('runInNode', await trainingRun(await onnxRuntime({ device: 'cpu', threads: 1 })));
}
