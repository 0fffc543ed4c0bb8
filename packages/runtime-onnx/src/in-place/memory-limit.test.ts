import { ConfigError, hostTensor, program, RuntimeUnavailableError, type Program } from '@flowmap/tensor';
import { expect, it } from 'vitest';
import { onnxRuntime } from '../onnx-runtime.js';

const limit = 8_000_000;

/** Needs memory for one array of the given size besides its input and its state. */
const wave = (size: number): Program =>
  program('wave', { inputs: { x: [size] }, state: { total: [size] } }, ({ x }, { total }) => ({
    outputs: {},
    state: { total: total.add(x.sin().mul(x)) },
  }));

it('is kept: what needs more fails, and says what to do', async () => {
  const runtime = await onnxRuntime({ device: 'cpu', memoryLimit: limit });
  const start = async (size: number): ReturnType<typeof runtime.compile> => {
    const executable = await runtime.compile(wave(size));
    await executable.writeState({ total: hostTensor([size], new Float32Array(size).fill(3)) });
    return executable;
  };
  const ones = (size: number) => hostTensor([size], new Float32Array(size).fill(1));
  const [small, large] = [await start(1_000_000), await start(4_000_000)];
  await small.run({ x: ones(1_000_000) });
  const error: unknown = await large.run({ x: ones(4_000_000) }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(RuntimeUnavailableError);
  expect((error as Error).message).toMatch(
    /memory limit does not suffice for running program 'wave': 16000000 bytes more.*Raise `memoryLimit`.*smaller batches/,
  );
  // The state is intact, and the process continues.
  expect((await large.readState())['total']!.data.every((value) => value === 3)).toBe(true);
  await small.run({ x: ones(1_000_000) });
  const { total } = await small.readState();
  expect(total!.data[999_999]).toBeCloseTo(3 + 2 * Math.sin(1), 6);
});

it('is one for the process', async () => {
  await onnxRuntime({ device: 'cpu', memoryLimit: limit });
  const other = onnxRuntime({ device: 'cpu', memoryLimit: 2 * limit });
  await expect(other).rejects.toThrow(/limit of 16000000 bytes is not supported; this process has one of 8000000/);
});

it.each([0, -1, 1.5, NaN])('cannot be %d bytes', async (memoryLimit) => {
  await expect(onnxRuntime({ device: 'cpu', memoryLimit })).rejects.toThrow(ConfigError);
});

it.each(['webgpu', 'cuda'] as const)('is none of %s', async (device) => {
  await expect(onnxRuntime({ device, memoryLimit: limit })).rejects.toThrow(/only device: 'cpu' has one/);
});
