/**
 * Lets the process go on when nobody reads a stream any more, as after `| head` or when its terminal was closed; what is
 * written then is lost. Other errors of the stream stay what they were.
 *
 * @returns takes this back, once everything that was written until then is through
 */
export function surviveClosedPipe(stream: NodeJS.WriteStream): () => void {
  stream.on('error', ignoreClosed);
  // An error comes after the callback of its write.
  return () => void stream.write('', () => setImmediate(() => stream.off('error', ignoreClosed)));
}

function ignoreClosed(this: NodeJS.WriteStream, error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE' || (error.code === 'EIO' && this.isTTY)) return;
  // Without a listener of somebody else's it would have ended the process.
  if (this.listeners('error').every((listener) => listener === ignoreClosed)) throw error;
}
