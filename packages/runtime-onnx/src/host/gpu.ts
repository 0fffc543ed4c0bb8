import type { Tensor as OrtTensor } from 'onnxruntime-node';
import type { GpuAccess } from '../gpu-memory.js';
import { hostDataOf } from '../memory.js';
import { page, type GpuAdapter } from './page.js';

// The part of WebGPU that this package uses, declared here because TypeScript's DOM library is not available in Node.

interface GpuBuffer {
  mapAsync(mode: number): Promise<void>;
  getMappedRange(): ArrayBuffer;
  destroy(): void;
}

export interface GpuDevice {
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
  readonly queue: { submit(commands: readonly unknown[]): void };
  createBuffer(options: { size: number; usage: number }): GpuBuffer;
  createCommandEncoder(): {
    copyBufferToBuffer(from: unknown, fromOffset: number, to: GpuBuffer, toOffset: number, size: number): void;
    finish(): unknown;
  };
  destroy(): void;
}

/** The GPU that the browser provides, or undefined. */
export async function findAdapter(): Promise<GpuAdapter | undefined> {
  return (await page.navigator.gpu?.requestAdapter()) ?? undefined;
}

/** Whether WebGPU runs on the CPU, where WebAssembly is faster. */
export function isSoftware({ info, isFallbackAdapter }: GpuAdapter): boolean {
  return info?.isFallbackAdapter ?? isFallbackAdapter ?? false;
}

/** Why there is no adapter, and what to do. */
export function missingWebgpu(): string {
  if (page.navigator.gpu !== undefined) {
    return (
      'the browser has WebGPU, but gives no adapter: hardware acceleration is off, or it distrusts the GPU or its driver. ' +
      'chrome://gpu says which; chrome://flags/#enable-unsafe-webgpu, on Linux with #enable-vulkan, lets it try'
    );
  }
  if (!page.isSecureContext) {
    return 'a page has WebGPU only in a secure context: serve it over https, or open it from localhost';
  }
  return (
    'this browser has no WebGPU, or it is off. Chrome and Edge have it since version 113, Safari since 26, Firefox since ' +
    '141 on Windows; on Linux, chrome://flags/#enable-unsafe-webgpu turns it on'
  );
}

const arrays = { float32: Float32Array, float16: Uint16Array, int32: Int32Array, bool: Uint8Array } as const;

const MAP_READ = 1;
const COPY_DST = 8;

/** Access to the device that onnxruntime computes on. */
export function watchDevice(device: GpuDevice): GpuAccess {
  let lost: string | undefined;
  void device.lost.then(({ reason, message }) => {
    lost = `the GPU was lost (${[reason, message].filter((part) => part !== '').join(': ')})`;
  });
  const check = (): void => {
    if (lost !== undefined) throw new Error(lost);
  };
  return {
    check,
    async read(tensor) {
      check();
      const { gpuBuffer, size, type } = tensor as OrtTensor & { readonly gpuBuffer: unknown };
      const View = arrays[type as keyof typeof arrays];
      // onnxruntime creates buffers in multiples of 16 bytes.
      const whole = Math.ceil((size * View.BYTES_PER_ELEMENT) / 16) * 16;
      const staging = device.createBuffer({ size: whole, usage: MAP_READ | COPY_DST });
      try {
        const encoder = device.createCommandEncoder();
        encoder.copyBufferToBuffer(gpuBuffer, 0, staging, 0, whole);
        device.queue.submit([encoder.finish()]);
        await staging.mapAsync(MAP_READ);
        return hostDataOf(type, new View(staging.getMappedRange().slice(0), 0, size));
      } catch (cause) {
        check();
        throw cause;
      } finally {
        staging.destroy();
      }
    },
  };
}
