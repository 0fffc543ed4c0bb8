import type { InferenceSession } from 'onnxruntime-node';
import type { Device } from '../devices.js';
import type { Ort } from '../load-ort.js';
import type { Memory } from '../memory.js';
import type { CreateSession } from '../session.js';

/** A device that has started, and the memory its programs keep tensors in. */
export interface OpenDevice {
  readonly ort: Ort;
  readonly device: Device;
  readonly memory: Memory;
  readonly createSession: CreateSession;
  /** Its sessions count numbers too small to be normal as zero. */
  readonly flushesDenormals?: boolean;
  /** Its sessions write results into memory that they are given. */
  readonly inPlace?: boolean;
  /** Its sessions take large constants beside the model, as external data, and copy them one by one. */
  readonly takesExternal?: boolean;
  /** On the CPU: channels per block of the processor's own convolutions, if it has them. */
  readonly channelBlock?: number | undefined;
}

/** What a device is started with. */
export interface DeviceSettings {
  readonly threads?: number | undefined;
  readonly wasmPaths?: string | undefined;
  readonly profile?: string | undefined;
  readonly memoryLimit?: number | undefined;
}

/** What differs between Node and a browser; the package's import `#host` is the one of the two that fits. */
export interface Host {
  /** The devices there can be. */
  readonly devices: readonly Device[];
  /** Those that `auto` tries before the CPU, fastest first. */
  readonly promising: () => Promise<readonly Device[]>;
  /**
   * Loads onnxruntime and starts a device.
   *
   * @throws {RuntimeUnavailableError} when onnxruntime cannot be loaded, or the device is missing or does not start
   */
  readonly open: (device: Device, settings: DeviceSettings) => Promise<OpenDevice>;
  /**
   * Opens the model of a file, external data beside it included: by its path in Node, by its address in a browser.
   *
   * @throws {OnnxModelError} when there is no such file
   */
  readonly openFile: (ort: Ort, path: string, options: InferenceSession.SessionOptions) => Promise<InferenceSession>;
}
