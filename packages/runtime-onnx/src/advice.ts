import { causeText } from '@flowmap/tensor';
import type { Device } from './devices.js';
import type { System } from './system.js';

/** onnxruntime's message for a failure, without the source location and the condition it checked. */
export function reasonOf(error: unknown): string {
  const [line = ''] = causeText(error).trim().split('\n');
  return (line.split(' was false. ').at(-1) ?? line).replace(/\.$/, '');
}

/** What to do about a device that does not start, as sentences without the last full stop. */
export function adviceFor(device: Device, system: System): string {
  switch (device) {
    case 'cpu':
      return 'The CPU needs nothing but onnxruntime-node: install it again with `npm install onnxruntime-node`';
    case 'webgpu':
      return webgpuAdvice(system);
    case 'cuda':
      return cudaAdvice(system);
  }
}

function webgpuAdvice({ platform, hasVulkanLoader, hasGpu }: System): string {
  if (platform !== 'linux') return "WebGPU found no GPU: install the driver of the GPU's maker";
  const driver =
    "the GPU's Vulkan driver (NVIDIA: part of its driver; AMD and Intel: `apt install mesa-vulkan-drivers`, or " +
    '`dnf install mesa-vulkan-drivers`)';
  const container =
    'In a container, pass the GPU in: `--device /dev/dri`, or for NVIDIA `--gpus all -e NVIDIA_DRIVER_CAPABILITIES=all`';
  if (!hasVulkanLoader) {
    return (
      'WebGPU runs on Vulkan, whose loader libvulkan.so.1 is not installed: `apt install libvulkan1`, or ' +
      `\`dnf install vulkan-loader\`. It also needs ${driver}${hasGpu ? '' : `. ${container}`}`
    );
  }
  if (!hasGpu) return `No GPU is visible here: there is neither /dev/dri/renderD* nor /dev/nvidiactl. ${container}`;
  return `Vulkan's loader is installed, but it found no driver that WebGPU accepts: install ${driver}`;
}

function cudaAdvice({ platform, arch, hasCudaLibraries, hasNvidiaDriver }: System): string {
  if (platform !== 'linux' || arch !== 'x64') {
    return `onnxruntime-node has CUDA's provider for Linux on x64 only, not for ${platform} on ${arch}`;
  }
  const rest = "It also needs NVIDIA's driver, CUDA 12 and cuDNN 9, found by the dynamic linker";
  if (!hasCudaLibraries) {
    return (
      "The libraries of CUDA's provider are not there, as its install script did not run. Run it: " +
      '`node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12`. ' +
      rest
    );
  }
  if (!hasNvidiaDriver) return "NVIDIA's driver is not loaded: there is no /dev/nvidiactl";
  return `The provider's libraries are there. ${rest}`;
}
