// The packages that users get, and their tarballs.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './run.js';

/** The part of a `package.json` that the tools need. */
export interface Manifest {
  name: string;
  private?: boolean;
  exports?: Record<string, unknown>;
  bin?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional: boolean }>;
  devDependencies?: Record<string, string>;
}

export const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;

/** Folders of the packages that are published. */
export const publishedFolders = (): string[] =>
  readdirSync(join(root, 'packages'))
    .map((name) => join(root, 'packages', name))
    .filter((folder) => readManifest(folder).private !== true);

/** Packs every published package, which must have been built, into `folder`; returns the tarballs' names. */
export function packPublished(folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  run(root, 'on-failure', 'npm', 'pack', '--silent', '--pack-destination', folder, ...publishedFolders());
  return readdirSync(folder).filter((name) => name.endsWith('.tgz'));
}
