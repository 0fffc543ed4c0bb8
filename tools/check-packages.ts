// Checks the packages in the form in which users get them: packed, linted, installed in an empty folder outside the
// repository, every entry imported in Node and type-checked without skipLibCheck, every command started.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packPublished, publishedFolders, readManifest, type Manifest } from './published.js';
import { root, run } from './run.js';

/** The import specifiers of a package: its name, and its name with each subpath. */
const entriesOf = ({ name, exports = {} }: Manifest): string[] =>
  Object.keys(exports)
    .filter((key) => key !== './package.json')
    .map((key) => name + key.slice(1));

/** Packs every published package into `folder` and lints what was packed; returns tarballs by package name. */
function pack(folders: string[], folder: string): Record<string, string> {
  const tarballs = packPublished(folder);
  for (const tarball of tarballs) {
    run(folder, 'on-failure', 'publint', 'run', tarball, '--strict');
    run(folder, 'on-failure', 'attw', tarball, '--profile', 'esm-only');
  }
  return Object.fromEntries(
    folders.map((path) => {
      const { name } = readManifest(path);
      const start = `${name.replace('@', '').replace('/', '-')}-`;
      const tarball = tarballs.find((file) => file.startsWith(start) && /^\d/.test(file.slice(start.length)));
      if (tarball === undefined) throw new Error(`${name} was not packed.`);
      return [name, `file:${join(folder, tarball)}`];
    }),
  );
}

/**
 * Installs the tarballs, with every optional peer, in the empty `folder`, and uses each entry there; then without the
 * peers.
 */
function consume(manifests: Manifest[], tarballs: Record<string, string>, folder: string): void {
  mkdirSync(folder);
  const tools = readManifest(root).devDependencies ?? {};
  const peers = new Set(manifests.flatMap(({ peerDependencies = {} }) => Object.keys(peerDependencies)));
  const installed = [...peers, 'typescript', '@types/node'].flatMap((name) => {
    const version = tools[name];
    return version === undefined ? [] : [[name, version]];
  });
  const dependencies = { ...tarballs, ...(Object.fromEntries(installed) as Record<string, string>) };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }));
  run(folder, 'on-failure', 'npm', 'install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund');

  const entries = manifests.flatMap(entriesOf);
  const imports = entries.map((entry) => `if (Object.keys(await import('${entry}')).length === 0) empty('${entry}');`);
  const empty = 'const empty = (entry) => { throw new Error(`${entry} exports nothing.`); };';
  writeFileSync(join(folder, 'every-entry.js'), [empty, ...imports].join('\n'));
  run(folder, 'on-failure', 'node', 'every-entry.js');
  startCommands(manifests, folder);
  run(folder, 'on-failure', 'npx', 'flowmap', 'doctor', '--json');

  const uses = entries.map((entry, index) => `export * as entry${String(index)} from '${entry}';`);
  writeFileSync(join(folder, 'consumer.ts'), uses.join('\n'));
  const compilerOptions = {
    target: 'es2023',
    lib: ['es2023'],
    module: 'nodenext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: false,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));
  run(folder, 'on-failure', join(folder, 'node_modules/.bin/tsc'), '--project', '.');

  for (const { peerDependenciesMeta = {} } of manifests) {
    for (const [name, { optional }] of Object.entries(peerDependenciesMeta)) {
      // The suites of the entries for testing are vitest's.
      if (optional && name !== 'vitest') rmSync(join(folder, 'node_modules', name), { recursive: true, force: true });
    }
  }
  run(folder, 'on-failure', 'node', 'every-entry.js');
  startCommands(manifests, folder);
}

/** Starts the commands of the packages installed in `folder`. */
function startCommands(manifests: Manifest[], folder: string): void {
  for (const command of manifests.flatMap(({ bin = {} }) => Object.keys(bin))) {
    run(folder, 'on-failure', 'npx', command, '--help');
  }
  for (const command of ['train', 'distill', 'sample', 'inspect', 'doctor']) {
    run(folder, 'on-failure', 'npx', 'flowmap', command, '--help');
  }
}

const folders = publishedFolders();
const scratch = mkdtempSync(join(tmpdir(), 'flowmap-packages-'));
try {
  const tarballs = pack(folders, join(scratch, 'tarballs'));
  consume(folders.map(readManifest), tarballs, join(scratch, 'consumer'));
  console.log(`${String(folders.length)} packages packed, installed, imported and type-checked.`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
