/**
 * Lets the process continue when nobody reads a stream any more, as after `| head` or when its terminal was
 * closed; further output is lost. Other errors of the stream are not affected.
 *
 * @returns a function that undoes this once everything written so far has gone out
 */
export function surviveClosedPipe(stream: NodeJS.WriteStream): () => void {
  stream.on('error', ignoreClosed);
  // An error is emitted after the callback of its write.
  return () => void stream.write('', () => setImmediate(() => stream.off('error', ignoreClosed)));
}

function ignoreClosed(this: NodeJS.WriteStream, error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE' || (error.code === 'EIO' && this.isTTY)) return;
  // Without another listener the error would have ended the process.
  if (this.listeners('error').every((listener) => listener === ignoreClosed)) throw error;
}
