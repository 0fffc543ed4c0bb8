import { FlowmapError } from '@flowmap/tensor';

/** The wasm back end has no memory left for a tensor: it is limited to 4 GiB. Existing tensors are unharmed. */
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
