import { UnsupportedError } from '@flowmap/tensor';
import { openDevice, promising } from '../device.js';
import { devices } from '../devices.js';
import { findCApi } from '../in-place/open.js';
import { inPlaceSessions } from '../in-place/sessions.js';
import { loadOrt } from '../load-ort.js';
import { OnnxModelError } from '../onnx-model-error.js';
import { inspectSystem } from '../system.js';
import type { Host } from './host.js';

/** Node: onnxruntime-node, whose CPU sessions compute in place if its C API can be called. */
export const host: Host = {
  devices,
  promising: () => Promise.resolve(promising(inspectSystem())),
  open: async (device, { memoryLimit, offThread }) => {
    const special =
      memoryLimit !== undefined ? 'a memory limit' : offThread === true ? 'a run off the thread' : undefined;
    if (special !== undefined && device !== 'cpu') {
      throw new UnsupportedError('onnx', `${special} on device '${device}'`, "only device: 'cpu' has one");
    }
    const opened = await openDevice(await loadOrt(), device);
    if (device !== 'cpu') return opened;
    const found = await findCApi();
    if (found.api) {
      const createSession = inPlaceSessions(found.api, { memoryLimit, offThread });
      return { ...opened, createSession, inPlace: true, flushesDenormals: found.api.flushingDenormals !== undefined };
    }
    if (special === undefined) return opened;
    const advice = `it takes onnxruntime's C API, which does not load (${found.reason}): \`npm install koffi\``;
    throw new UnsupportedError('onnx', special, advice);
  },
  async openFile(_, path, options) {
    const { InferenceSession } = await import('onnxruntime-node');
    const fs = globalThis.process.getBuiltinModule('node:fs');
    const found = fs.statSync(path, { throwIfNoEntry: false });
    if (found === undefined) throw new OnnxModelError(path, 'there is no such file');
    if (!found.isFile()) throw new OnnxModelError(path, 'it is no file');
    return InferenceSession.create(path, options);
  },
};
