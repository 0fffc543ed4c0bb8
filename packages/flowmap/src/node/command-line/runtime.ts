import type { Runtime } from '@flowmap/tensor';
import { choice, whole, type Config } from './options.js';

/** Options for where and how a command computes. */
export const RUNTIME_OPTIONS = {
  device: choice('where to compute', ['cpu', 'webgpu', 'cuda', 'auto'], 'cpu'),
  threads: whole('threads of the computation on the CPU; unless given, one per physical core', null),
};

/** {@link RUNTIME_OPTIONS} and further ones for training. */
export const TRAINING_RUNTIME_OPTIONS = {
  ...RUNTIME_OPTIONS,
  stepsPerRun: whole('training steps in one call of the runtime; several pay off with --device cuda', 1),
};

/**
 * Opens onnxruntime according to the options.
 *
 * @throws {RuntimeUnavailableError} when the device does not work here; the message says how to make it work
 */
export async function openRuntime({ device, threads }: Config<typeof RUNTIME_OPTIONS>): Promise<Runtime> {
  const { onnxRuntime } = await import('@flowmap/runtime-onnx');
  return onnxRuntime({ device, ...(threads === null ? {} : { threads }) });
}
