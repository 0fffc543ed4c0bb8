import type { DType, HostData } from '@flowmap/tensor';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { copyModel } from './copy-model.js';
import { deviceFailure } from './device-failure.js';
import type { Ort } from './load-ort.js';
import { hostDataOf, toOrt, type Memory } from './memory.js';
import { sessionOptions } from './session-options.js';

/**
 * After this many runs without a read the host waits for the device. `session.run` returns before the device has
 * computed, and what each waiting run holds would pile up without bound.
 */
const RUNS_AHEAD = 8;

/** Access to a GPU without onnxruntime, as available in a page. */
export interface GpuAccess {
  /** The values in a tensor's buffer, which is not changed. */
  readonly read: (tensor: OrtTensor) => Promise<HostData>;
  /** @throws when the GPU was lost, which onnxruntime does not notice */
  readonly check: () => void;
}

/**
 * Keeps tensors in buffers of the WebGPU provider. Copies to them, and from them if there is no other way, are runs of
 * a model that does nothing else: `Tensor.getData` of onnxruntime-node 1.30 ends the process if the tensor is a device
 * buffer, and that of onnxruntime-web moves the tensor to the host.
 *
 * @param openAccess called once the device has started
 */
export async function gpuMemory(ort: Ort, openAccess?: () => Promise<GpuAccess>): Promise<Memory> {
  const sessions = new Map<string, Promise<InferenceSession>>();
  const copy = async (tensor: OrtTensor, location: Memory['location']): Promise<OrtTensor> => {
    const key = `${tensor.type} to ${location}`;
    let session = sessions.get(key);
    if (session === undefined) {
      const model = copyModel(tensor.type as DType);
      session = ort.InferenceSession.create(model, sessionOptions('webgpu', location));
      sessions.set(key, session);
    }
    const { to } = await (await session).run({ from: tensor });
    return to!;
  };

  const toHost = async (tensor: OrtTensor): Promise<HostData> =>
    hostDataOf(tensor.type, (await copy(tensor, 'cpu')).data);

  // The first copy starts the provider; any failure after it is the device's.
  const marker = await copy(new ort.Tensor('float32', Float32Array.of(0), [1]), 'gpu-buffer');
  const access = await openAccess?.();

  const guarded = async <T>(copied: () => Promise<T>): Promise<T> => {
    try {
      return await copied();
    } catch (cause) {
      throw deviceFailure('webgpu', 'copying a tensor', cause);
    }
  };
  let ahead = 0;
  const read = async (tensor: OrtTensor): Promise<HostData> => {
    ahead = 0;
    return guarded(() => (access ? access.read(tensor) : toHost(tensor)));
  };

  return {
    location: 'gpu-buffer',
    write: (tensor) => guarded(() => copy(toOrt(ort, tensor), 'gpu-buffer')),
    read,
    forgotten: new FinalizationRegistry((release) => release()),
    async afterRun() {
      access?.check();
      if (++ahead >= RUNS_AHEAD) await read(marker);
    },
  };
}
