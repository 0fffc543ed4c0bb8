/** What a runtime cannot do, and why. */
interface Limit {
  readonly runtime: RegExp;
  readonly result: RegExp;
  readonly reason: string;
}

const limits: readonly Limit[] = [
  {
    runtime: /^tfjs \(webgl\)/,
    result: /^large int32: value/,
    reason: 'A WebGL texture holds whole numbers as float32, which is exact up to 2^24.',
  },
  {
    runtime: /^tfjs \(webgpu\)/,
    result: /^large int32: value/,
    reason: 'The WebGPU kernels of TensorFlow.js compute whole numbers as float32, which is exact up to 2^24.',
  },
];

/** Why a runtime's result is outside what the contract accepts; undefined if unknown. */
export function limitOf(runtime: string, result: string): string | undefined {
  return limits.find((limit) => limit.runtime.test(runtime) && limit.result.test(result))?.reason;
}
