import { RuntimeUnavailableError } from '@flowmap/tensor';
import { reasonOf } from './advice.js';
import type { Device } from './devices.js';

/**
 * The error to throw when onnxruntime fails on a program. On the CPU that is onnxruntime's own error, unless it hit the
 * memory limit; elsewhere the device has failed, because it ran out of memory or was lost, and the error says so.
 *
 * @param doing what was being done: `running program 'step'`
 */
export function deviceFailure(device: Device, doing: string, cause: unknown): unknown {
  if (device === 'cpu') return beyondMemoryLimit(doing, cause) ?? cause;
  const message =
    `the device failed while ${doing}: ${reasonOf(cause)}. If it was lost or is out of memory, what ` +
    'programs kept on it is gone with it: open the runtime again (in a browser, load the page again first), or one on another device, and go on from the last checkpoint';
  return new RuntimeUnavailableError(`onnx (${device})`, message, { cause });
}

function beyondMemoryLimit(doing: string, cause: unknown): RuntimeUnavailableError | undefined {
  const said = /Available memory of (\d+) is smaller than requested bytes of (\d+)/.exec(String(cause));
  if (!said) return undefined;
  const [, left, wanted] = said;
  const message =
    `the memory limit does not suffice for ${doing}: ${wanted!} bytes more were wanted, ${left!} are left. State is as it was ` +
    'before. Raise `memoryLimit`, or take smaller batches';
  return new RuntimeUnavailableError('onnx (cpu)', message, { cause });
}
