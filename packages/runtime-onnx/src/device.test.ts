import { halfFromBits, halfToBits, program, RuntimeUnavailableError } from '@flowmap/tensor';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { adviceFor, reasonOf } from './advice.js';
import { promising } from './device.js';
import { webgpuRules } from './lowering/webgpu.js';
import { hostDataOf } from './memory.js';
import { onnxRuntime } from './onnx-runtime.js';
import { inspectSystem, type System } from './system.js';
import { modelOf } from './to-onnx.js';

const bare: System = {
  platform: 'linux',
  arch: 'x64',
  hasGpu: false,
  hasNvidiaDriver: false,
  hasVulkanLoader: false,
  isVulkanSoftware: false,
  hasCudaLibraries: false,
};

describe("'auto'", () => {
  it('tries CUDA where it is installed, then WebGPU on a GPU', () => {
    expect(promising(bare)).toEqual([]);
    expect(promising({ ...bare, hasGpu: true })).toEqual(['webgpu']);
    expect(promising({ ...bare, hasGpu: true, isVulkanSoftware: true })).toEqual([]);
    expect(promising({ ...bare, hasGpu: true, hasNvidiaDriver: true })).toEqual(['webgpu']);
    const nvidia = { ...bare, hasGpu: true, hasNvidiaDriver: true, hasCudaLibraries: true };
    expect(promising(nvidia)).toEqual(['cuda', 'webgpu']);
    expect(promising({ ...bare, hasCudaLibraries: true })).toEqual([]);
  });

  it('takes what starts here, and says which', async () => {
    const { name } = await onnxRuntime({ device: 'auto' });
    expect(['cpu', ...promising(inspectSystem())].map((device) => `onnx (${device})`)).toContain(name);
  });
});

describe('advice', () => {
  it.each([
    ['webgpu', {}, /libvulkan\.so\.1 is not installed: `apt install libvulkan1`.*--gpus all/],
    ['webgpu', { hasVulkanLoader: true }, /No GPU is visible here/],
    ['webgpu', { hasVulkanLoader: true, hasGpu: true }, /found no driver.*mesa-vulkan-drivers/],
    ['webgpu', { platform: 'win32', hasGpu: true }, /driver of the GPU's maker/],
    ['cuda', {}, /install script did not run.*--onnxruntime-node-install=cuda12/],
    ['cuda', { hasCudaLibraries: true }, /no \/dev\/nvidiactl/],
    ['cuda', { hasCudaLibraries: true, hasNvidiaDriver: true }, /CUDA 12 and cuDNN 9/],
    ['cuda', { platform: 'darwin', arch: 'arm64' }, /Linux on x64 only, not for darwin on arm64/],
    ['cpu', {}, /npm install onnxruntime-node/],
  ] as const)('for %s on %j', (device, facts, text) => {
    expect(adviceFor(device, { ...bare, ...facts })).toMatch(text);
  });

  it('keeps what onnxruntime says, not where in its sources', () => {
    const message = '/src/context.cc:136 lambda() status == Success was false. No supported adapters.\n\n';
    expect(reasonOf(new Error(message))).toBe('No supported adapters');
    expect(reasonOf('plain')).toBe('plain');
  });
});

const { hasCudaLibraries, hasVulkanLoader } = inspectSystem();

describe('a device that does not start', () => {
  const refusal = async (device: 'cuda' | 'webgpu'): Promise<void> => {
    const error: unknown = await onnxRuntime({ device }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RuntimeUnavailableError);
    const { message, cause } = error as RuntimeUnavailableError;
    expect(message).toContain(`device '${device}' does not start: ${reasonOf(cause)}`);
    expect(message).toContain(adviceFor(device, inspectSystem()));
    expect(message).toContain('npx @flowmap/runtime-onnx doctor');
  };
  it.skipIf(hasCudaLibraries)('CUDA (skipped where its libraries are installed)', () => refusal('cuda'));
  it.skipIf(hasVulkanLoader || process.platform !== 'linux')(
    'WebGPU (skipped where a Vulkan loader is installed)',
    () => refusal('webgpu'),
  );
});

it('sine and cosine for WebGPU are as good as float32, up to 10^5', async () => {
  const count = 4096;
  const waves = program('waves', { inputs: { x: [count] } }, ({ x }) => ({ outputs: { sin: x.sin(), cos: x.cos() } }));
  const session = await InferenceSession.create(modelOf(waves, webgpuRules));
  for (const range of [1e-3, 1.6, 7, 1000, 1e5]) {
    const x = Float32Array.from({ length: count }, (_, i) => ((2 * i) / (count - 1) - 1) * range);
    const { sin, cos } = await session.run({ x: new Tensor('float32', x, [count]) });
    const error = (got: Tensor, f: (x: number) => number): number =>
      Math.max(...x.map((value, i) => Math.abs((got.data[i] as number) - f(value))));
    // Rounding of numbers up to pi / 2, and beyond a thousand also of the last part of pi.
    const accepted = range > 1000 ? 2e-6 : 4e-7;
    expect(error(sin!, Math.sin)).toBeLessThan(accepted);
    expect(error(cos!, Math.cos)).toBeLessThan(accepted);
  }
  const odd = Float32Array.of(NaN, Infinity, -0, 0, ...new Float32Array(count - 4));
  const { sin, cos } = await session.run({ x: new Tensor('float32', odd, [count]) });
  expect(Array.from(sin!.data.slice(0, 4) as Float32Array)).toEqual([NaN, NaN, -0, 0]);
  expect(Array.from(cos!.data.slice(0, 2) as Float32Array)).toEqual([NaN, NaN]);
  await session.release();
});

it('sine and cosine for WebGPU in float16 are rounded once', async () => {
  const x = halfFromBits(
    halfToBits(
      Float32Array.from({ length: 512 }, (_, i) => (i - 256) / 7),
      'float16',
    ),
    'float16',
  );
  const waves = program('waves', { inputs: { x: { shape: [512], dtype: 'float16' } } }, ({ x }) => ({
    outputs: { sin: x.sin(), cos: x.cos() },
  }));
  const session = await InferenceSession.create(modelOf(waves, webgpuRules));
  const results = await session.run({ x: new Tensor('float16', halfToBits(x, 'float16'), [512]) });
  for (const [name, f] of [
    ['sin', Math.sin],
    ['cos', Math.cos],
  ] as const) {
    const got = hostDataOf('float16', results[name]!.data);
    // The error in float32 may tip the rounding at a tie: at most one unit in the last place, 2^-10 of the value.
    expect(x.every((value, i) => Math.abs(got[i]! - f(value)) <= 2 ** -10 * Math.abs(f(value)) + 4e-7)).toBe(true);
  }
  await session.release();
});
