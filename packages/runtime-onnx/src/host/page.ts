/** A GPU that a page is given. */
export interface GpuAdapter {
  readonly info?: { readonly isFallbackAdapter?: boolean };
  /** Where browsers had it before `info`. */
  readonly isFallbackAdapter?: boolean;
}

/** The globals of a page or a worker that this package looks at. */
interface Page {
  readonly navigator: { readonly gpu?: { requestAdapter(): Promise<GpuAdapter | null> } };
  readonly location: { readonly href: string };
  readonly WebAssembly: { readonly Suspending?: unknown };
  readonly isSecureContext: boolean;
  readonly crossOriginIsolated: boolean;
}

export const page = globalThis as unknown as Page;
