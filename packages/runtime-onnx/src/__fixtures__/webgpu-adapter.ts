import { openDevice } from '../device.js';
import { loadOrt } from '../load-ort.js';
import { inspectSystem } from '../system.js';

/** Why tests on WebGPU cannot run here; undefined if they can: on a GPU, or if a software driver is requested. */
export async function webgpuMissing(): Promise<string | undefined> {
  const { hasGpu, isVulkanSoftware } = inspectSystem();
  if (!hasGpu && !isVulkanSoftware) return 'no GPU here, and no software Vulkan in VK_DRIVER_FILES';
  return openDevice(await loadOrt(), 'webgpu').then(
    () => undefined,
    (reason: unknown) => (reason instanceof Error ? reason.message : 'WebGPU does not start'),
  );
}
