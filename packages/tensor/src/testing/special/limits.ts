/** Special numbers at which a runtime is not expected to agree with the reference, and why. */
export interface SpecialLimit {
  /** The runtime's name. */
  readonly runtime: RegExp;
  /** What differs, as described by `compareSpecialValues`: `exp, float32, each, NaN wanted: …`. */
  readonly result: RegExp;
  readonly reason: string;
}

const gpu = /^(onnx \(webgpu\)|tfjs \(web(gl|gpu)\))/;

/** All known limits. */
const limits: readonly SpecialLimit[] = [
  {
    runtime: /^onnx \(cpu\)/,
    result: /^(log|tanh), .* a number wanted: .* of -?\d(\.\d+)?e-(38|39|4\d); [1-4] of 34 differ$/,
    reason:
      'Denormal numbers count as zero, inside the kernels too: the logarithm takes them for the smallest number that it knows, ' +
      'and the hyperbolic tangent loses the smallest normal ones.',
  },
  {
    runtime: /^tfjs \(wasm\)/,
    result: /^(sin|cos), .* a number wanted/,
    reason: 'Sine and cosine have an absolute error of 2e-7 up to a few thousand, and beyond 1e8 no correct digits.',
  },
  {
    runtime: /^tfjs \(cpu\)/,
    result: /^erf, .* a number wanted/,
    reason: 'The error function is computed by a formula with an absolute error of 1.5e-7.',
  },
  {
    runtime: gpu,
    result: /^(tanh|erf), .* a number wanted/,
    reason: 'The functions have an absolute error of about 1e-7: for small arguments few digits are correct.',
  },
  {
    runtime: gpu,
    result: /^(sin|cos), .* a number wanted/,
    reason: 'Sine and cosine are accurate for arguments up to 1e5.',
  },
  {
    runtime: gpu,
    result: /^(log, |(exp|erfc|sigmoid|silu|softplus|softmax), .* NaN wanted)/,
    reason:
      'Shading languages let a GPU assume that there is neither NaN nor infinity, and leave the logarithm of zero and below ' +
      'open; software Vulkan then gives other numbers.',
  },
  {
    runtime: /^tfjs \(webgl\)/,
    result: /^div, .* (a number|an infinity) wanted/,
    reason:
      'A divisor beyond 2^126 counts as infinite: the kernel for quotients gives 1 for 0 / 0, so reciprocals are used.',
  },
  {
    runtime: /^onnx \(webgpu\)/,
    result: /^div, float(16|32), .* (a number|an infinity) wanted/,
    reason:
      'A quotient may be a product with the reciprocal, which counts as zero for a divisor beyond 2^126 and is infinite, in ' +
      'float16, for one below 2^-15: seen on an NVIDIA H200.',
  },
  {
    runtime: /^tfjs \(web(gl|gpu)\)/,
    result: /^([a-zA-Z]+, int32|cast, float32, to int32)/,
    reason: 'Whole numbers are computed as float32, which is exact up to 2^24, and do not wrap.',
  },
];

/**
 * Why a runtime is excused for a result; undefined if it is not.
 *
 * @param more limits in addition to the known ones
 */
export function specialLimitOf(
  runtime: string,
  result: string,
  more: readonly SpecialLimit[] = [],
): SpecialLimit | undefined {
  return [...limits, ...more].find((limit) => limit.runtime.test(runtime) && limit.result.test(result));
}
