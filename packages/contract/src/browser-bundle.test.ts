import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { root, workspaces } from './internal/workspace.js';

/** Packages that only run in Node. No main entry may name them in a browser, where they need not be installed. */
const native = ['sharp', 'cli-progress', 'onnxruntime-node'];

const withMainEntry = workspaces('packages').filter(
  ({ manifest }) => manifest.private !== true && Object.hasOwn(manifest.exports ?? {}, '.'),
);

describe.each(withMainEntry)('$manifest.name in a browser bundle', ({ folder, manifest }) => {
  test('needs nothing of Node', async () => {
    const peers = Object.keys(manifest.peerDependencies ?? {});
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: [join(folder, 'src/index.ts')],
      bundle: true,
      write: false,
      metafile: true,
      outdir: 'dist',
      format: 'esm',
      platform: 'browser',
      conditions: ['@flowmap/source'],
      external: peers,
      logLevel: 'silent',
    });
    const inputs = Object.entries(metafile.inputs);
    const imports = inputs.flatMap(([, input]) => input.imports);
    expect(imports.map(({ path }) => path).filter(isBuiltin)).toEqual([]);
    expect(inputs.filter(([path]) => native.some((name) => path.includes(`node_modules/${name}/`)))).toEqual([]);
    expect(imports.filter(({ path }) => native.includes(path))).toEqual([]);
    // A back end is an optional peer: only loading on demand may name it.
    expect(imports.filter(({ external, kind }) => external === true && kind !== 'dynamic-import')).toEqual([]);
  });
});

test('the runtime on onnxruntime names that of Node in Node, and that of browsers in a browser', async () => {
  const named = async (platform: 'node' | 'browser'): Promise<string[]> => {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: ['packages/runtime-onnx/src/index.ts'],
      bundle: true,
      write: false,
      metafile: true,
      outdir: 'dist',
      format: 'esm',
      platform,
      conditions: ['@flowmap/source'],
      external: ['onnxruntime-*'],
    });
    const imports = Object.values(metafile.inputs).flatMap((input) => input.imports);
    return [...new Set(imports.flatMap(({ path }) => (path.startsWith('onnxruntime-') ? [path] : [])))].sort();
  };
  expect(await named('node')).toEqual(['onnxruntime-node']);
  expect(await named('browser')).toEqual(['onnxruntime-web/jspi', 'onnxruntime-web/wasm', 'onnxruntime-web/webgpu']);
});
