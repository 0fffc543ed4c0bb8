import { dtypes, program, type DType } from '@flowmap/tensor';
import type { Device } from './devices.js';
import type { Ort } from './load-ort.js';
import { webgpuRules } from './lowering/webgpu.js';
import { hostDataOf } from './memory.js';
import { sessionOptions } from './session-options.js';
import { modelOf } from './to-onnx.js';

/**
 * The dtypes that programs may have on a device: all of them, except that WebGPU has no bfloat16, and float16 only if
 * the GPU can compute with it (WebGPU's feature `shader-f16`), which is determined by trying.
 */
export async function dtypesOf(ort: Ort, device: Device): Promise<readonly DType[]> {
  if (device !== 'webgpu') return dtypes;
  const float16 = await computesFloat16(ort);
  return dtypes.filter((dtype) => dtype !== 'bfloat16' && (dtype !== 'float16' || float16));
}

async function computesFloat16(ort: Ort): Promise<boolean> {
  const spec = { shape: [2], dtype: 'float16' } as const;
  const probe = program('float16', { inputs: { x: spec } }, ({ x }) => ({ outputs: { y: x.add(1) } }));
  // A GPU that cannot is not a failure to report.
  const quiet = { logSeverityLevel: 4 } as const;
  const options = { ...sessionOptions('webgpu', 'cpu'), ...quiet };
  const session = await ort.InferenceSession.create(modelOf(probe, webgpuRules), options);
  try {
    const { y } = await session.run({ x: new ort.Tensor('float16', Uint16Array.of(0x3c00, 0), [2]) }, quiet);
    return hostDataOf('float16', y!.data)[0] === 2;
  } catch {
    return false;
  } finally {
    await session.release();
  }
}
