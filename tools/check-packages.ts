// Checks the packages in the form in which users get them: packed, linted, installed in empty folders outside the
// repository by npm and by pnpm, every entry imported in Node and type-checked, and a page built with them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { consumeByNpm, consumeByPnpm } from './consumers.js';
import { packPublished, publishedFolders, readManifest, type Manifest } from './published.js';
import { run } from './run.js';

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

const folders = publishedFolders();
const scratch = mkdtempSync(join(tmpdir(), 'flowmap-packages-'));
try {
  const tarballs = pack(folders, join(scratch, 'tarballs'));
  const manifests = folders.map(readManifest);
  const entries = manifests.flatMap(entriesOf);
  await consumeByNpm(join(scratch, 'npm'), manifests, tarballs, entries);
  consumeByPnpm(join(scratch, 'pnpm'), tarballs, entries);
  console.log(`${String(folders.length)} packages packed, installed, imported and type-checked.`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
