import { filesOfOrt } from './ort-files.js';

/** What the operating system reveals about devices, without asking onnxruntime. */
export interface System {
  /** Node's names for them: `linux`, `x64`. */
  readonly platform: string;
  readonly arch: string;
  /** Whether a GPU driver is loaded. Always true where one is part of the system: macOS and Windows. */
  readonly hasGpu: boolean;
  readonly hasNvidiaDriver: boolean;
  /** On Linux, where WebGPU needs it: whether the Vulkan loader is installed. */
  readonly hasVulkanLoader: boolean;
  /** Whether the environment names a Vulkan driver that computes on the CPU. */
  readonly isVulkanSoftware: boolean;
  /** Whether the CUDA provider's libraries are installed beside onnxruntime-node's. */
  readonly hasCudaLibraries: boolean;
}

const vulkanLoader = 'libvulkan.so.1';

/** Inspects the files and the environment that matter to onnxruntime's providers; starts nothing. */
export function inspectSystem(): System {
  // Browsers load this module too, so it cannot import Node's modules.
  const { process } = globalThis;
  const fs = process.getBuiltinModule('node:fs');
  const path = process.getBuiltinModule('node:path');
  const { platform, arch, env } = process;

  const filesIn = (folder: string): string[] => (fs.existsSync(folder) ? fs.readdirSync(folder) : []);
  const isLinux = platform === 'linux';
  const hasNvidiaDriver = fs.existsSync('/dev/nvidiactl') || fs.existsSync('/dev/dxg');
  const hasRenderNode = filesIn('/dev/dri').some((name) => name.startsWith('renderD'));

  const linkerCache = '/etc/ld.so.cache';
  const libraryFolders = [...(env['LD_LIBRARY_PATH'] ?? '').split(':'), '/lib', '/lib64', '/usr/lib', '/usr/lib64'];
  const hasVulkanLoader =
    (fs.existsSync(linkerCache) && fs.readFileSync(linkerCache, 'latin1').includes(vulkanLoader)) ||
    libraryFolders.some((folder) => folder !== '' && fs.existsSync(path.join(folder, vulkanLoader)));

  const vulkanDrivers = `${env['VK_DRIVER_FILES'] ?? ''} ${env['VK_ICD_FILENAMES'] ?? ''}`;

  return {
    platform,
    arch,
    hasGpu: !isLinux || hasRenderNode || hasNvidiaDriver,
    hasNvidiaDriver,
    hasVulkanLoader,
    isVulkanSoftware: /swiftshader|lvp_icd|lavapipe/i.test(vulkanDrivers),
    hasCudaLibraries: filesOfOrt().some((name) => name.includes('onnxruntime_providers_cuda')),
  };
}
