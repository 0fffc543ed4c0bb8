import { PassThrough } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { surviveClosedPipe } from './closed-pipe.js';

/** A stream like standard error. */
const open = (isTTY: boolean): NodeJS.WriteStream =>
  Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.WriteStream;

const emit = (stream: NodeJS.WriteStream, code: string): boolean =>
  stream.emit('error', Object.assign(new Error(code), { code }));

test('a reader that has gone is no error, nor is a terminal that was closed', () => {
  const stream = open(false);
  surviveClosedPipe(stream);
  expect(emit(stream, 'EPIPE')).toBe(true);
  expect(() => emit(stream, 'EIO')).toThrow('EIO');
  const terminal = open(true);
  surviveClosedPipe(terminal);
  expect(emit(terminal, 'EIO')).toBe(true);
});

test('other errors end the process, or are for who else listens', () => {
  const stream = open(false);
  surviveClosedPipe(stream);
  surviveClosedPipe(stream);
  expect(() => emit(stream, 'ENOSPC')).toThrow('ENOSPC');
  const listener = vi.fn();
  stream.on('error', listener);
  emit(stream, 'ENOSPC');
  expect(listener).toHaveBeenCalledOnce();
});
