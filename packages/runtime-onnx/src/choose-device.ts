import { host } from '#host';
import { requireWhole, UnsupportedError } from '@flowmap/tensor';
import type { Device } from './devices.js';
import type { DeviceSettings, OpenDevice } from './host/host.js';

/**
 * Opens the requested device, or the fastest that works.
 *
 * @throws {RuntimeUnavailableError} when onnxruntime cannot be loaded, or the device is missing or does not start
 * @throws {UnsupportedError} for a device that does not exist
 * @throws {ConfigError} for an invalid number of threads or memory limit
 */
export async function openChosen(
  settings: DeviceSettings & { readonly device?: 'auto' | Device | undefined },
): Promise<OpenDevice> {
  const { device: wanted = 'auto', threads, memoryLimit } = settings;
  const choices: readonly string[] = ['auto', ...host.devices];
  if (!choices.includes(wanted)) {
    const listed = choices.map((choice) => `'${choice}'`).join(', ');
    throw new UnsupportedError('onnx', `device '${wanted}'`, `choose one of ${listed}`);
  }
  if (threads !== undefined) requireWhole('threads', threads);
  if (memoryLimit !== undefined) requireWhole('memoryLimit', memoryLimit);
  return wanted === 'auto' ? openFastest(settings) : host.open(wanted, settings);
}

/** Starts the fastest promising device that actually starts; the CPU if there is no other. */
async function openFastest(settings: DeviceSettings): Promise<OpenDevice> {
  for (const device of await host.promising()) {
    const opened = await host.open(device, settings).catch(() => undefined);
    if (opened) return opened;
  }
  return host.open('cpu', settings);
}
