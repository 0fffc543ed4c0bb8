import { FlowmapError, RuntimeUnavailableError } from '@flowmap/tensor';

/**
 * What to throw when a back end fails: an error of ours as it is; any other is the back end's own, for want of memory or because
 * its device was lost, and the error says so.
 *
 * @param doing what was under way: `running program 'step'`
 */
export function deviceFailure(runtime: string, doing: string, cause: unknown): unknown {
  if (cause instanceof FlowmapError) return cause;
  const message =
    `the back end failed while ${doing}: ${String(cause)}. If its memory is exhausted, use a smaller batch; if its device was ` +
    'lost, what programs kept on it is gone: open the runtime again, or one on another back end, and go on from the last checkpoint';
  return new RuntimeUnavailableError(runtime, message, { cause });
}
