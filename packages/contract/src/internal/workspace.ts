import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The repository's root folder. */
export const root = resolve(import.meta.dirname, '../../../..');

/** The part of a `package.json` that the suites read. */
export interface Manifest {
  name: string;
  private?: boolean;
  exports?: Record<string, string | { '@flowmap/source': string }>;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

/** One npm workspace: `folder` is its path from the root, with `/` between the parts. */
export interface Workspace {
  folder: string;
  manifest: Manifest;
}

/** The manifest in `folder`, a path from the root. */
export const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest;

/** The workspaces under `packages` or `examples`, ordered by folder name. */
export const workspaces = (parent: 'packages' | 'examples'): Workspace[] =>
  readdirSync(join(root, parent))
    .sort()
    .map((name) => `${parent}/${name}`)
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .map((folder) => ({ folder, manifest: readManifest(folder) }));

/** The TypeScript files under a workspace's `src`, as paths from the root. */
export const sources = ({ folder }: Workspace): string[] =>
  readdirSync(join(root, folder, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/src/${file.replaceAll('\\', '/')}`)
    .sort();

/** The packages a workspace may import outside its tests: dependencies and peers. */
export const declared = ({ manifest }: Workspace): string[] =>
  Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
