import { build } from 'esbuild';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from './run.js';

/**
 * Libraries that the system may lack, by the Debian package that has them: the loader of Vulkan, and what NVIDIA's
 * Vulkan driver, Node and onnxruntime link to.
 */
export const libraries = {
  'libvulkan.so.1': 'libvulkan1',
  'libGLdispatch.so.0': 'libglvnd0',
  'libEGL.so.1': 'libegl1',
  'libX11.so.6': 'libx11-6',
  'libXext.so.6': 'libxext6',
  'libxcb.so.1': 'libxcb1',
  'libXau.so.6': 'libxau6',
  'libXdmcp.so.6': 'libxdmcp6',
  'libbsd.so.0': 'libbsd0',
  'libmd.so.0': 'libmd0',
  'libstdc++.so.6': 'libstdc++6',
  'libgcc_s.so.1': 'libgcc-s1',
};

/** Files and folders of the packages that stay as they are installed. */
export const packageParts = {
  'onnxruntime-node': [
    'dist',
    'bin/napi-v6/linux/x64/libonnxruntime.so.1',
    'bin/napi-v6/linux/x64/onnxruntime_binding.node',
  ],
  'onnxruntime-common': ['dist/cjs'],
} as const;

/** Writes the benchmark as one module, `bench-gpu.mjs`; it needs `packageParts` beside it. */
export async function bundleApp(folder: string): Promise<void> {
  await build({
    entryPoints: [join(root, 'benchmarks/gpu/bench-gpu.ts')],
    outfile: join(folder, 'bench-gpu.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@flowmap/source'],
    external: ['onnxruntime-node', 'koffi'],
    // Some packages are CommonJS modules, which load Node's own by `require`.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    legalComments: 'inline',
    logLevel: 'warning',
  });
}

/** The folder of an installed package, as a package in another folder finds it. */
export function packageFolder(name: string, from: string): string {
  const entry = createRequire(join(from, 'package.json')).resolve(name);
  return entry.slice(0, entry.lastIndexOf(join('node_modules', name)) + join('node_modules', name).length);
}
