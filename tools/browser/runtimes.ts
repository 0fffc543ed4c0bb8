import type { Exactness } from '@flowmap/tensor/testing';

/** The runtimes that a page measures, by their names. */
export const browserRuntimes = ['onnx (cpu)', 'onnx (webgpu)', 'tfjs (wasm)', 'tfjs (webgl)', 'tfjs (webgpu)'] as const;

export type BrowserRuntime = (typeof browserRuntimes)[number];

/** What the page of `page.ts` offers to whoever drives it. */
export interface MeasuringPage {
  measure(runtime: BrowserRuntime): Promise<readonly Exactness[]>;
}
