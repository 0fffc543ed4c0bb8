import { onnxRuntime } from '@flowmap/runtime-onnx';
import type { TestProject } from 'vitest/node';
import { trainingRun, type RunNumbers } from './internal/training-run.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The training run on onnxruntime-node. */
    readonly runInNode: RunNumbers;
  }
}

/** Computes in Node the results that browser tests compare their own with. */
export default async function setup(project: TestProject): Promise<void> {
  project.provide('runInNode', await trainingRun(await onnxRuntime({ device: 'cpu', threads: 1 })));
}
