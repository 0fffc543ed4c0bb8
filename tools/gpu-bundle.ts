// Packs what a bare Linux machine with an NVIDIA GPU lacks to run the GPU benchmark: `npm run gpu-bundle`.
import { build } from 'esbuild';
import { chmodSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root, run } from './run.js';
import { needsGlibc, sharedLibrary } from './shared-libraries.js';

/** The most that travels to such a machine. */
const LIMIT = 64 * 2 ** 20;

/**
 * Libraries that the system may lack, by the Debian package that has them: the loader of Vulkan, what NVIDIA's driver of Vulkan
 * links to, and what Node and onnxruntime do.
 */
const libraries = {
  'libvulkan.so.1': 'libvulkan1',
  'libGLdispatch.so.0': 'libglvnd0',
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

if (process.platform !== 'linux' || process.arch !== 'x64') {
  throw new RangeError(
    `the bundle is made on Linux x64, of that machine's Node; this is ${process.platform} ${process.arch}`,
  );
}
const out = join(root, 'dist-gpu');
const folder = join(out, 'flowmap-gpu');
rmSync(out, { recursive: true, force: true });
mkdirSync(join(folder, 'bin'), { recursive: true });

await build({
  entryPoints: [join(root, 'benchmarks/gpu/bench-gpu.ts')],
  outfile: join(folder, 'app/bench-gpu.mjs'),
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  conditions: ['@flowmap/source'],
  external: ['onnxruntime-node'],
  // Some packages are CommonJS modules, which ask for Node's own by `require`.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
  legalComments: 'inline',
  logLevel: 'warning',
});
const ort = packageFolder('onnxruntime-node', root);
const common = packageFolder('onnxruntime-common', ort);
copyPackage(ort, 'onnxruntime-node', [
  'dist',
  'bin/napi-v6/linux/x64/libonnxruntime.so.1',
  'bin/napi-v6/linux/x64/onnxruntime_binding.node',
]);
copyPackage(common, 'onnxruntime-common', ['dist/cjs']);
const node = join(folder, 'bin/node');
cpSync(process.execPath, node);
run(root, 'on-failure', 'strip', '--strip-all', node);
for (const [name, debian] of Object.entries(libraries)) {
  cpSync(sharedLibrary(name, debian, join(out, 'packages')), join(folder, 'lib', name, name), { dereference: true });
}
cpSync(join(root, 'benchmarks/peers'), join(folder, 'peers'), {
  recursive: true,
  filter: (path) => !path.includes('__pycache__'),
});
for (const file of ['LICENSE', 'NOTICE']) cpSync(join(root, file), join(folder, file));
cpSync(join(root, 'benchmarks/gpu/bench-gpu.sh'), join(folder, 'bench-gpu'));
chmodSync(join(folder, 'bench-gpu'), 0o755);
const glibc = needsGlibc([
  node,
  join(folder, 'app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1'),
]);
writeFileSync(
  join(folder, 'ABOUT.md'),
  `# Flowmap's GPU benchmark

\`./bench-gpu\` times the AYF-EMD training step on this machine's GPU; \`./bench-gpu --help\` lists its options.

For Linux on x64 with glibc ${glibc} or newer and the driver of an NVIDIA GPU. Node ${process.versions.node} (MIT), onnxruntime-node
${version(ort)} (MIT) and the libraries of Debian in \`lib\` keep their own licences. What the system has is taken from it.
`,
);

const archive = join(out, 'flowmap-gpu.tar.xz');
console.log('compressing, which takes minutes');
run(
  out,
  'on-failure',
  'sh',
  '-c',
  'set -e; tar -c --owner=0 --group=0 flowmap-gpu >bundle.tar; xz -9e -T1 -c bundle.tar >bundle.xz.tmp; rm bundle.tar',
);
const { size } = statSync(join(out, 'bundle.xz.tmp'));
if (size > LIMIT) throw new RangeError(`the bundle takes ${mebibytes(size)} compressed, more than ${mebibytes(LIMIT)}`);
renameSync(join(out, 'bundle.xz.tmp'), archive);
for (const left of [folder, join(out, 'packages')]) rmSync(left, { recursive: true, force: true });
console.log(`${archive}: ${mebibytes(size)} of at most ${mebibytes(LIMIT)}`);
console.log('there: tar -xJf flowmap-gpu.tar.xz && flowmap-gpu/bench-gpu');

/** The folder of an installed package, as a package in another folder finds it. */
function packageFolder(name: string, from: string): string {
  const entry = createRequire(join(from, 'package.json')).resolve(name);
  return entry.slice(0, entry.lastIndexOf(join('node_modules', name)) + join('node_modules', name).length);
}

function copyPackage(source: string, name: string, parts: readonly string[]): void {
  for (const part of ['package.json', ...parts]) {
    cpSync(join(source, part), join(folder, 'app/node_modules', name, part), {
      recursive: true,
      filter: (path) => !path.endsWith('.map') && !path.endsWith('.d.ts'),
    });
  }
}

function version(source: string): string {
  return (JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as { version: string }).version;
}

function mebibytes(size: number): string {
  return `${(size / 2 ** 20).toFixed(1)} MiB`;
}
