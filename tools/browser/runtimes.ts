import type { Exactness, SpecialResult } from '@flowmap/tensor/testing';

/** The runtimes that a page measures, by their names. */
export const browserRuntimes = ['onnx (cpu)', 'onnx (webgpu)', 'tfjs (wasm)', 'tfjs (webgl)', 'tfjs (webgpu)'] as const;

export type BrowserRuntime = (typeof browserRuntimes)[number];

/** A runtime's results, compared with the reference's. */
export interface Measured {
  readonly rows: readonly Exactness[];
  readonly special: readonly SpecialResult[];
}

/** What the page of `page.ts` offers to the program that drives it. */
export interface MeasuringPage {
  measure(runtime: BrowserRuntime): Promise<Measured>;
}
