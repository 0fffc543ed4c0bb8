import { FlowmapError } from '@flowmap/tensor';

/** A tensor for which the wasm back end has no memory left: it ends at 4 GiB. What was there before is unharmed. */
export class WasmMemoryError extends FlowmapError {
  constructor(
    /** Size of the tensor. */
    readonly bytes: number,
  ) {
    const size = `${(bytes / 2 ** 20).toFixed(0)} MiB`;
    super(
      `tfjs (wasm): no room for a tensor of ${size}, the memory ends at 4 GiB; use a smaller batch or another back end`,
    );
  }
}
