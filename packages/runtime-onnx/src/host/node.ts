import { openDevice, promising } from '../device.js';
import { devices } from '../devices.js';
import { loadOrt } from '../load-ort.js';
import { inspectSystem } from '../system.js';
import type { Host } from './host.js';

/** Node: onnxruntime-node. */
export const host: Host = {
  devices,
  promising: () => Promise.resolve(promising(inspectSystem())),
  open: async (device) => openDevice(await loadOrt(), device),
};
