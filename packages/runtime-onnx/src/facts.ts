import type { Runtime } from '@flowmap/tensor';
import type { DeviceSettings, OpenDevice } from './host/host.js';

/**
 * What the last bits of results depend on: onnxruntime's package and version, the device, threads, and how it is
 * called.
 */
export function factsOf(
  { ort, device, inPlace = false }: OpenDevice,
  { threads }: DeviceSettings,
): NonNullable<Runtime['facts']> {
  const { versions, wasm } = ort.env;
  const common = { device, inPlace };
  if (versions.node !== undefined) {
    return { 'onnxruntime-node': versions.node, ...common, threads: threads ?? onePerCore() };
  }
  // Set by onnxruntime-web itself once it has started, unless set before.
  return { 'onnxruntime-web': versions.web ?? 'unknown', ...common, threads: wasm.numThreads ?? 1 };
}

/** onnxruntime-node does not say how many physical cores it found; the number varies with the machine's processors. */
function onePerCore(): string {
  return `one per core of ${globalThis.process.getBuiltinModule('node:os').availableParallelism()} processors`;
}
