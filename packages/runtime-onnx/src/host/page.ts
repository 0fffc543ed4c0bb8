/** A GPU as given to a page. */
export interface GpuAdapter {
  readonly info?: { readonly isFallbackAdapter?: boolean };
  /** Where browsers had this before `info`. */
  readonly isFallbackAdapter?: boolean;
}

/** The globals of a page or worker that this package uses. */
interface Page {
  readonly navigator: { readonly gpu?: { requestAdapter(): Promise<GpuAdapter | null> } };
  readonly location: { readonly href: string };
  readonly WebAssembly: { readonly Suspending?: unknown };
  readonly isSecureContext: boolean;
  readonly crossOriginIsolated: boolean;
}

export const page = globalThis as unknown as Page;
