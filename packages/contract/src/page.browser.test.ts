import { expect, test } from 'vitest';

interface Page {
  readonly crossOriginIsolated: boolean;
  readonly navigator: {
    readonly gpu?: { requestAdapter(): Promise<{ readonly info: { architecture: string } } | null> };
  };
}
const page = globalThis as unknown as Page;

test('tests in a browser can have threads', () => {
  expect(page.crossOriginIsolated).toBe(true);
  expect(new SharedArrayBuffer(8).byteLength).toBe(8);
});

test('tests in a browser have WebGPU, computed on the CPU', async () => {
  expect(await page.navigator.gpu?.requestAdapter()).toMatchObject({ info: { architecture: 'swiftshader' } });
});
