import { RuntimeUnavailableError } from '@flowmap/tensor';
import type { Backend, Tfjs } from '../tfjs.js';

/** The device of the WebGPU back end. */
interface GpuDevice {
  readonly lost: Promise<{ readonly message: string }>;
  addEventListener(event: 'uncapturederror', listener: (event: { readonly error: Error }) => void): void;
}

interface WebgpuBackend extends Backend {
  readonly device: GpuDevice;
}

interface WebglBackend extends Backend {
  readonly gpgpu: { readonly gl: { isContextLost(): boolean } };
}

/** Tells what is wrong with a back end's device; undefined if nothing is. */
export type Health = () => string | undefined;

/**
 * Watches a back end's device from now on, which the back ends themselves do not: a program refused by the GPU leaves
 * zeros as its results, and so does a lost device.
 */
export function healthOf(backend: Backend, backendName: string): Health {
  if (backendName === 'webgl') {
    const { gl } = (backend as WebglBackend).gpgpu;
    return () => (gl.isContextLost() ? 'the WebGL context was lost' : undefined);
  }
  if (backendName !== 'webgpu') return () => undefined;
  let failure: string | undefined;
  const { device } = backend as WebgpuBackend;
  device.addEventListener('uncapturederror', ({ error }) => (failure ??= error.message));
  void device.lost.then(({ message }) => (failure ??= `the WebGPU device was lost: ${message}`));
  return () => failure;
}

/**
 * Refuses a WebGL without float32: half the bits of a gradient would be lost silently.
 *
 * @throws {RuntimeUnavailableError} on such a device
 */
export function requireFloat32(tf: Tfjs, backendName: string): void {
  if (backendName !== 'webgl' || tf.env().get('WEBGL_RENDER_FLOAT32_ENABLED') === true) return;
  const advice = "the textures of this device hold 16 bits a number; use the back end 'wasm'";
  throw new RuntimeUnavailableError('tfjs (webgl)', advice);
}
