// Packs what a bare Linux machine with an NVIDIA GPU lacks to run the GPU benchmark: `npm run gpu-bundle`.
import { chmodSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleApp, libraries, packageFolder, packageParts } from './gpu-files.js';
import { root, run } from './run.js';
import { needsGlibc, sharedLibrary } from './shared-libraries.js';

/** Largest size that can be transferred to such a machine. */
const LIMIT = 64 * 2 ** 20;

if (process.platform !== 'linux' || process.arch !== 'x64') {
  throw new RangeError(
    `the bundle is made on Linux x64, of that machine's Node; this is ${process.platform} ${process.arch}`,
  );
}
const out = join(root, 'dist-gpu');
const folder = join(out, 'flowmap-gpu');
rmSync(out, { recursive: true, force: true });
mkdirSync(join(folder, 'bin'), { recursive: true });

await bundleApp(join(folder, 'app'));
const ort = packageFolder('onnxruntime-node', root);
const common = packageFolder('onnxruntime-common', ort);
copyPackage(ort, 'onnxruntime-node', packageParts['onnxruntime-node']);
copyPackage(common, 'onnxruntime-common', packageParts['onnxruntime-common']);
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
