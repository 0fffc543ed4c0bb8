import type { Kernel } from '../device.js';
import { batchMatMul } from './batch-mat-mul.js';
import { extreme } from './extreme.js';
import { reverse, tile } from './repetition.js';
import { slice } from './slice.js';
import { softmax } from './softmax.js';
import { sum } from './sum.js';
import type { Wasm } from './wasm.js';

/**
 * Replacements for kernels of the wasm back end that are wrong, or slower by an order of magnitude, for the calls of
 * the lowering rules.
 */
export function wasmKernels(wasm: Wasm): Readonly<Record<string, Kernel>> {
  return {
    BatchMatMul: batchMatMul(wasm),
    Maximum: extreme(wasm, 'Maximum'),
    Minimum: extreme(wasm, 'Minimum'),
    Reverse: reverse(wasm),
    Slice: slice(wasm),
    Softmax: softmax(wasm),
    Sum: sum(wasm),
    Tile: tile(wasm),
  };
}
