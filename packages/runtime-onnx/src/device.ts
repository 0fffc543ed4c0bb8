import { RuntimeUnavailableError } from '@flowmap/tensor';
import { adviceFor, reasonOf } from './advice.js';
import { channelBlockOf } from './channel-block.js';
import { copyModel } from './copy-model.js';
import type { Device } from './devices.js';
import { gpuMemory } from './gpu-memory.js';
import type { Ort } from './load-ort.js';
import type { OpenDevice } from './host/host.js';
import { hostMemory } from './memory.js';
import { sessionOptions } from './session-options.js';
import { plainSessions } from './session.js';
import { inspectSystem, type System } from './system.js';

/**
 * Starts a device of onnxruntime-node by creating a first session on it.
 *
 * @throws {RuntimeUnavailableError} when its provider is missing or does not start; the message says how to make it
 *   work
 */
export async function openDevice(ort: Ort, device: Device): Promise<OpenDevice> {
  const opened = { ort, device, createSession: plainSessions(ort) };
  try {
    if (device === 'webgpu') return { ...opened, memory: await gpuMemory(ort) };
    if (device === 'cpu') {
      return { ...opened, memory: hostMemory(ort), takesExternal: true, channelBlock: await channelBlockOf(ort) };
    }
    const session = await ort.InferenceSession.create(copyModel('float32'), sessionOptions(device, 'cpu'));
    await session.release();
    return { ...opened, memory: hostMemory(ort) };
  } catch (cause) {
    const message =
      `device '${device}' does not start: ${reasonOf(cause)}. ${adviceFor(device, inspectSystem())}. ` +
      '`npx @flowmap/runtime-onnx doctor` says what works here';
    throw new RuntimeUnavailableError('onnx', message, { cause });
  }
}

/** The devices that `auto` tries before the CPU in Node, fastest first. */
export function promising({ hasCudaLibraries, hasNvidiaDriver, hasGpu, isVulkanSoftware }: System): Device[] {
  return [
    ...(hasCudaLibraries && hasNvidiaDriver ? (['cuda'] as const) : []),
    ...(hasGpu && !isVulkanSoftware ? (['webgpu'] as const) : []),
  ];
}
