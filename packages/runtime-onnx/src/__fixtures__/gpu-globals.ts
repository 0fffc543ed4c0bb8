import { vi } from 'vitest';

/** The prototypes of WebGPU's objects in a page. */
export function gpuGlobals(): Record<'device' | 'buffer', object> {
  const page = globalThis as unknown as Record<'GPUDevice' | 'GPUBuffer', { prototype: object }>;
  return { device: page.GPUDevice.prototype, buffer: page.GPUBuffer.prototype };
}

/** Calls back after every call of a prototype's method, with its result and the object it was called on. */
export function watch(prototype: object, name: string, called: (result: unknown, self: object) => void): void {
  const methods = prototype as Record<string, (this: object, ...args: unknown[]) => unknown>;
  const method = methods[name]!;
  vi.spyOn(methods, name).mockImplementation(function (this: object, ...args: unknown[]) {
    const result = method.apply(this, args);
    called(result, this);
    return result;
  });
}
