import { FlowmapError, RuntimeUnavailableError } from '@flowmap/tensor';

/**
 * The error to throw when a back end fails: our own errors unchanged; any other comes from the back end, which ran out
 * of memory or whose device was lost, and the error says so.
 *
 * @param doing what was being done: `running program 'step'`
 */
export function deviceFailure(runtime: string, doing: string, cause: unknown): unknown {
  if (cause instanceof FlowmapError) return cause;
  const message =
    `the back end failed while ${doing}: ${String(cause)}. If its memory is exhausted, use a smaller batch; if its device was ` +
    'lost, what programs kept on it is gone: open the runtime again, or one on another back end, and go on from the last checkpoint';
  return new RuntimeUnavailableError(runtime, message, { cause });
}
