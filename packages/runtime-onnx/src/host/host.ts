import type { InferenceSession } from 'onnxruntime-node';
import type { Device } from '../devices.js';
import type { Ort } from '../load-ort.js';
import type { Memory } from '../memory.js';
import type { CreateSession } from '../session.js';

/** A started device and the memory in which its programs keep tensors. */
export interface OpenDevice {
  readonly ort: Ort;
  readonly device: Device;
  readonly memory: Memory;
  readonly createSession: CreateSession;
  /** Whether its sessions treat denormal numbers as zero. */
  readonly flushesDenormals?: boolean;
  /** Whether its sessions write results into memory that they are given. */
  readonly inPlace?: boolean;
  /** Whether its sessions take large constants beside the model, as external data, and copy them one by one. */
  readonly takesExternal?: boolean;
  /** On the CPU: channels per block of the processor's own convolutions, if it has them. */
  readonly channelBlock?: number | undefined;
}

/** Settings with which a device is started. */
export interface DeviceSettings {
  readonly threads?: number | undefined;
  readonly wasmPaths?: string | undefined;
  readonly profile?: string | undefined;
  readonly memoryLimit?: number | undefined;
  readonly offThread?: boolean | undefined;
}

/** What differs between Node and a browser; the package's import `#host` resolves to the matching one. */
export interface Host {
  /** The devices that can exist. */
  readonly devices: readonly Device[];
  /** The devices that `auto` tries before the CPU, fastest first. */
  readonly promising: () => Promise<readonly Device[]>;
  /**
   * Loads onnxruntime and starts a device.
   *
   * @throws {RuntimeUnavailableError} when onnxruntime cannot be loaded, or the device is missing or does not start
   */
  readonly open: (device: Device, settings: DeviceSettings) => Promise<OpenDevice>;
  /**
   * Opens a model file, with any external data beside it: by path in Node, by address in a browser.
   *
   * @throws {OnnxModelError} when there is no such file
   */
  readonly openFile: (ort: Ort, path: string, options: InferenceSession.SessionOptions) => Promise<InferenceSession>;
}
