import { RuntimeUnavailableError } from '@flowmap/tensor';
import { adviceFor, reasonOf } from './advice.js';
import { copyModel } from './copy-model.js';
import type { Device } from './devices.js';
import { gpuMemory } from './gpu-memory.js';
import type { Ort } from './load-ort.js';
import { hostMemory, type Memory } from './memory.js';
import { sessionOptions } from './session-options.js';
import { inspectSystem, type System } from './system.js';

/** A device that has started, and the memory its programs keep tensors in. */
export interface OpenDevice {
  readonly device: Device;
  readonly memory: Memory;
}

/**
 * Starts a device, by a first session on it.
 *
 * @throws {RuntimeUnavailableError} when its provider is missing or does not start; the message says how to get it
 */
export async function openDevice(ort: Ort, device: Device): Promise<OpenDevice> {
  try {
    if (device === 'webgpu') return { device, memory: await gpuMemory(ort) };
    if (device === 'cuda') {
      const session = await ort.InferenceSession.create(copyModel('float32'), sessionOptions(device, 'cpu'));
      await session.release();
    }
    return { device, memory: hostMemory(ort) };
  } catch (cause) {
    const message =
      `device '${device}' does not start: ${reasonOf(cause)}. ${adviceFor(device, inspectSystem())}. ` +
      '`npx @flowmap/runtime-onnx doctor` says what works here';
    throw new RuntimeUnavailableError('onnx', message, { cause });
  }
}

/** Starts the fastest device that the system promises and that does start; the CPU if there is no other. */
export async function openFastest(ort: Ort): Promise<OpenDevice> {
  for (const device of promising(inspectSystem())) {
    const opened = await openDevice(ort, device).catch(() => undefined);
    if (opened) return opened;
  }
  return openDevice(ort, 'cpu');
}

/** The devices that `auto` tries before the CPU, fastest first. */
export function promising({ hasCudaLibraries, hasNvidiaDriver, hasGpu, isVulkanSoftware }: System): Device[] {
  return [
    ...(hasCudaLibraries && hasNvidiaDriver ? (['cuda'] as const) : []),
    ...(hasGpu && !isVulkanSoftware ? (['webgpu'] as const) : []),
  ];
}
