import { afterEach, describe, expect, it, vi } from 'vitest';
import { NoGpuError, openGpu, softwareDriver } from './adapter.js';

const loaded = (...files: string[]): string =>
  ['7f00-7f01 rw-p 00000000 00:00 0', ...files.map((file) => `7f01-7f02 r-xp 00000000 08:01 42    ${file}`), ''].join(
    '\n',
  );

describe('the driver of Vulkan in use', () => {
  const node = '/usr/bin/node';
  const lavapipe = '/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so';
  const nvidia = '/usr/local/nvidia/lib64/libGLX_nvidia.so.550.54';

  it('is in software where only such a one is loaded', () => {
    expect(softwareDriver(loaded(node, lavapipe))).toBe('libvulkan_lvp.so');
    expect(softwareDriver(loaded(node, '/usr/lib/chromium/libvk_swiftshader.so'))).toBe('libvk_swiftshader.so');
    expect(softwareDriver(loaded('/usr/local/nvidia/lib64/libvulkan_lvp.so'))).toBe('libvulkan_lvp.so');
  });

  it("is NVIDIA's where both are, and none in software where neither is", () => {
    expect(softwareDriver(loaded(lavapipe, nvidia))).toBeUndefined();
    expect(softwareDriver(loaded(node, nvidia))).toBeUndefined();
    expect(softwareDriver(loaded(node))).toBeUndefined();
    expect(softwareDriver('')).toBeUndefined();
  });
});

describe('without a driver', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it.each(['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'])('%s that names nothing is named', async (variable) => {
    vi.stubEnv('VK_DRIVER_FILES', '');
    vi.stubEnv('VK_ICD_FILENAMES', '');
    vi.stubEnv(variable, '/no/such/driver.json:/nor/this.json');
    const error: unknown = await openGpu().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NoGpuError);
    expect(String(error)).toContain(`${variable} is '/no/such/driver.json:/nor/this.json'`);
    expect(String(error)).toContain('unset it');
  });
});
