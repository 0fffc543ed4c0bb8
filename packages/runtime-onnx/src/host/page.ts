import type { GpuAdapter } from './gpu.js';

/** The globals of a page or a worker that this package looks at. */
interface Page {
  readonly navigator: { readonly gpu?: { requestAdapter(): Promise<GpuAdapter | null> } };
  readonly location: { readonly href: string };
  readonly WebAssembly: { readonly Suspending?: unknown };
  readonly isSecureContext: boolean;
  readonly crossOriginIsolated: boolean;
}

export const page = globalThis as unknown as Page;
