import { hostTensor, program, RuntimeUnavailableError } from '@flowmap/tensor';
import { env } from 'onnxruntime-web/webgpu';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { onnxRuntime } from '../onnx-runtime.js';
import type { GpuAdapter } from './page.js';
import { page } from './page.js';

const gpu = page.navigator.gpu!;
const cumulated = program('cumulated', { inputs: { x: [3] }, state: { total: [3] } }, ({ x }, { total }) => {
  const next = total.add(x);
  return { outputs: { next }, state: { total: next } };
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("'auto' in a browser", () => {
  const promise = (adapter: GpuAdapter): void => {
    // Requested when choosing and when starting the device; onnxruntime gets the real one.
    vi.spyOn(gpu, 'requestAdapter').mockResolvedValueOnce(adapter).mockResolvedValueOnce(adapter);
  };

  it('leaves WebGPU that is computed on the CPU alone', async () => {
    expect((await onnxRuntime()).name).toBe('onnx (cpu)');
    promise({ isFallbackAdapter: true });
    expect((await onnxRuntime({ device: 'auto' })).name).toBe('onnx (cpu)');
  });

  it('takes a GPU, also where the browser cannot suspend WebAssembly', async () => {
    vi.stubGlobal('WebAssembly', Object.create(page.WebAssembly, { Suspending: { value: undefined } }));
    promise({ info: { isFallbackAdapter: false } });
    const runtime = await onnxRuntime();
    expect(runtime.name).toBe('onnx (webgpu)');
    expect(await env.webgpu.device).toBeDefined();
    const step = await runtime.compile(cumulated);
    await step.writeState({ total: hostTensor([3], [1, 2, 3]) });
    for (let i = 0; i < 3; i++) await step.run({ x: hostTensor([3], [10, 20, 30]) });
    expect((await step.readState())['total']!.data).toEqual(Float32Array.of(31, 62, 93));
    await step.dispose();
  });

  it('takes the CPU where there is no WebGPU', async () => {
    vi.spyOn(gpu, 'requestAdapter').mockResolvedValue(null);
    expect((await onnxRuntime()).name).toBe('onnx (cpu)');
  });
});

describe('WebGPU that is not there', () => {
  const refusal = async (): Promise<string> => {
    const error: unknown = await onnxRuntime({ device: 'webgpu' }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RuntimeUnavailableError);
    return (error as RuntimeUnavailableError).message;
  };

  it('without an adapter', async () => {
    vi.spyOn(gpu, 'requestAdapter').mockResolvedValue(null);
    expect(await refusal()).toMatch(/device 'webgpu' does not start.*no adapter.*chrome:\/\/gpu.*chrome:\/\/flags/);
  });

  it('in a page that is not secure, or a browser without it', async () => {
    vi.stubGlobal('navigator', {});
    expect(await refusal()).toMatch(/this browser has no WebGPU/);
    vi.stubGlobal('isSecureContext', false);
    expect(await refusal()).toMatch(/secure context: serve it over https/);
  });
});
