// The ways in which users install and build with the packages, each in a folder of its own outside the repository.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright';
import { build, preview } from 'vite';
import { chromiumFlags, chromiumForTests, isolationHeaders } from './chromium.js';
import { readManifest, type Manifest } from './published.js';
import { root, run } from './run.js';

/** Versions of TypeScript with which the declarations are checked, by the name under which they are installed. */
const compilers = { 'typescript-5': '5.9.3', 'typescript-6': '6.0.3', 'typescript-7': '7.0.2' };

/** How TypeScript resolves modules: as Node does, and as bundlers do. */
const resolutions = {
  nodenext: { module: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
};

/** A file that imports every entry, and fails for one that exports nothing. */
const everyEntry = (entries: readonly string[]): string =>
  [
    'const empty = (entry) => { throw new Error(`${entry} exports nothing.`); };',
    ...entries.map((entry) => `if (Object.keys(await import('${entry}')).length === 0) empty('${entry}');`),
  ].join('\n');

/**
 * By npm, with every optional peer: imports each entry in Node, starts each command, type-checks the entries without skipLibCheck, draws samples in a
 * page that Vite built, and imports and starts them again without the peers.
 *
 * @param tarballs addresses of the packed packages by name
 * @param entries import specifiers of everything that they export
 */
export async function consumeByNpm(
  folder: string,
  manifests: readonly Manifest[],
  tarballs: Readonly<Record<string, string>>,
  entries: readonly string[],
): Promise<void> {
  mkdirSync(folder);
  const tools = readManifest(root).devDependencies ?? {};
  const peers = new Set(manifests.flatMap(({ peerDependencies = {} }) => Object.keys(peerDependencies)));
  const versions = [...peers, '@types/node'].flatMap((name) => {
    const version = tools[name];
    return version === undefined ? [] : [[name, version] as const];
  });
  const typescripts = Object.entries(compilers).map(([name, version]) => [name, `npm:typescript@${version}`] as const);
  const dependencies = { ...tarballs, ...Object.fromEntries([...versions, ...typescripts]) };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }));
  run(folder, 'on-failure', 'npm', 'install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund');

  writeFileSync(join(folder, 'every-entry.js'), everyEntry(entries));
  run(folder, 'on-failure', 'node', 'every-entry.js');
  startCommands(folder, manifests);
  run(folder, 'on-failure', 'npx', 'flowmap', 'doctor', '--json');
  typeCheck(folder, entries);
  await drawInPage(join(folder, 'page'));

  for (const { peerDependenciesMeta = {} } of manifests) {
    for (const [name, { optional }] of Object.entries(peerDependenciesMeta)) {
      // The suites in the entries for testing need vitest.
      if (optional && name !== 'vitest') rmSync(join(folder, 'node_modules', name), { recursive: true, force: true });
    }
  }
  run(folder, 'on-failure', 'node', 'every-entry.js');
  startCommands(folder, manifests);
}

/** Starts the commands of the installed packages. */
function startCommands(folder: string, manifests: readonly Manifest[]): void {
  for (const command of manifests.flatMap(({ bin = {} }) => Object.keys(bin))) {
    run(folder, 'on-failure', 'npx', command, '--help');
  }
  for (const command of ['train', 'distill', 'sample', 'export', 'inspect', 'doctor']) {
    run(folder, 'on-failure', 'npx', 'flowmap', command, '--help');
  }
}

/** By pnpm, which links only what a package names: imports each entry but those for testing, without optional peers. */
export function consumeByPnpm(
  folder: string,
  tarballs: Readonly<Record<string, string>>,
  entries: readonly string[],
): void {
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, type: 'module', dependencies: tarballs }),
  );
  // The packages depend on each other by version, and no registry has these versions.
  const overrides = Object.entries(tarballs).map(([name, address]) => `  '${name}': '${address}'\n`);
  writeFileSync(join(folder, 'pnpm-workspace.yaml'), `packages: []\noverrides:\n${overrides.join('')}`);
  run(folder, 'on-failure', 'pnpm', 'install', '--ignore-scripts', '--store-dir', join(folder, '.store'));
  writeFileSync(join(folder, 'every-entry.js'), everyEntry(entries.filter((entry) => !entry.endsWith('/testing'))));
  run(folder, 'on-failure', 'node', 'every-entry.js');
}

function typeCheck(folder: string, entries: readonly string[]): void {
  const uses = entries.map((entry, index) => `export * as entry${String(index)} from '${entry}';`);
  writeFileSync(join(folder, 'consumer.ts'), uses.join('\n'));
  for (const [name, resolution] of Object.entries(resolutions)) {
    const compilerOptions = {
      target: 'es2023',
      lib: ['es2023'],
      ...resolution,
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      skipLibCheck: false,
    };
    const project = `tsconfig.${name}.json`;
    writeFileSync(join(folder, project), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));
    for (const compiler of Object.keys(compilers)) {
      run(folder, 'on-failure', 'node', `node_modules/${compiler}/bin/tsc`, '--project', project);
    }
  }
}

/** A user's page: samples of a network, computed by onnxruntime-web and written into the document. */
const PAGE = `
import { compileSampler, flowMapFrom, mlp, normalBatch, uniformGrid } from '@flowmap/core';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { hostTensor } from '@flowmap/tensor';

try {
  const network = mlp({ shape: [2], width: 16, depth: 2 });
  const student = flowMapFrom({ kind: 'velocity', network, params: network.init(0), classes: [] }, 0);
  const sampler = await compileSampler(await onnxRuntime({ device: 'cpu' }), student, { batchSize: 8 });
  const noise = hostTensor([8, 2], normalBatch({ seed: 0, purpose: 'noise' }, [8, 2]));
  const { data } = await sampler.sample({ noise, times: uniformGrid(2) });
  document.body.textContent = data.every(Number.isFinite) ? 'drawn ' + data.length / 2 : 'not finite';
} catch (error) {
  document.body.textContent = String(error);
}
`;

/** Builds the page with Vite and opens it in headless Chromium, if there is one. */
async function drawInPage(folder: string): Promise<void> {
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'index.html'),
    '<!doctype html><body><script type="module" src="main.js"></script></body>',
  );
  writeFileSync(join(folder, 'main.js'), PAGE);
  const options = {
    configFile: false,
    root: folder,
    logLevel: 'warn',
    build: { target: 'es2023', chunkSizeWarningLimit: 1000 },
    preview: { headers: isolationHeaders },
  } as const;
  console.log('$ vite build');
  await build(options);
  printSizes(join(folder, 'dist'));
  const executablePath = chromiumForTests();
  if (executablePath === undefined) return;
  const server = await preview(options);
  const browser = await chromium.launch({ executablePath, args: chromiumFlags });
  try {
    const page = await browser.newPage();
    await page.goto(server.resolvedUrls!.local[0]!);
    await page.getByText(/./).waitFor({ timeout: 300_000 });
    const said = await page.textContent('body');
    if (said !== 'drawn 8') throw new Error(`The page built with Vite says: ${said}`);
  } finally {
    await browser.close();
    await server.close();
  }
}

/** What the build of the page consists of, for docs/in-a-browser.md. */
function printSizes(folder: string): void {
  for (const file of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const bytes = readFileSync(join(file.parentPath, file.name));
    const kilobytes = (length: number): string => `${(length / 1000).toFixed(0).padStart(6)} kB`;
    console.log(`${kilobytes(bytes.length)} ${kilobytes(gzipSync(bytes).length)} compressed  ${file.name}`);
  }
}
