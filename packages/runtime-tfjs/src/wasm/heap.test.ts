import { expect, test } from 'vitest';
import { WasmMemoryError } from '../errors.js';
import { importTfjs, openBackend } from '../load.js';
import { heapOf, type WasmBackend } from './heap.js';

// The heap only reserves addresses for memory that is never written, so this takes no memory.
test('a tensor without room is refused, and leaves the others and the heap as they were', async () => {
  const backend = (await openBackend(await importTfjs('wasm'), 'wasm')) as WasmBackend;
  const heap = heapOf(backend);
  const small = heap.allocate([3]);
  heap.view(small).set([1, 2, 3]);
  const half = heap.allocate([2 ** 29]);
  expect(() => heap.allocate([2 ** 29])).toThrow(WasmMemoryError);
  expect(() => heap.requireMemory({ shape: [2 ** 15, 2 ** 14], dtype: 'float32' })).toThrow(
    expect.objectContaining({ bytes: 2 ** 31 }) as Error,
  );
  expect(backend.numDataIds()).toBe(2);
  expect(Array.from(heap.view(small))).toEqual([1, 2, 3]);
  heap.release(half);
  heap.requireMemory({ shape: [2 ** 29], dtype: 'float32' });
  heap.release(small);
  expect(backend.numDataIds()).toBe(0);
});
