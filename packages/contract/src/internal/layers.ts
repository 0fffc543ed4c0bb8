import type { Imports } from './imports.js';
import { declared, type Workspace } from './workspace.js';

/** Which packages of the workspace a package may import, by folder. */
export interface Layer {
  readonly imports?: readonly string[];
  /** Packages that only its sources in `src/node` may import. */
  readonly node?: readonly string[];
  /** Packages that it may load only by dynamic `import()`. */
  readonly onFirstUse?: readonly string[];
}

const libraries: Readonly<Record<string, Layer>> = {
  tensor: {},
  'flowmap-core': { imports: ['tensor'] },
  objectives: { imports: ['flowmap-core', 'tensor'] },
  guidance: { imports: ['flowmap-core', 'tensor'] },
  adversarial: { imports: ['flowmap-core', 'tensor'] },
  train: { imports: ['flowmap-core', 'tensor'] },
  data: { imports: ['flowmap-core'] },
  eval: { imports: ['flowmap-core', 'tensor'], node: ['data'] },
  'runtime-onnx': { imports: ['flowmap-core', 'tensor'] },
  'runtime-tfjs': { imports: ['tensor'] },
  'runtime-reference': { imports: ['tensor'] },
  'efficientnet-lite0': {},
};

/** The layer of every published package, by its folder in `packages`; a folder need not exist yet. */
export const layers: Readonly<Record<string, Layer>> = {
  ...libraries,
  flowmap: { onFirstUse: Object.keys(libraries) },
};

/** Everything that a layer may import in one way or another. */
export const below = ({ imports = [], node = [], onFirstUse = [] }: Layer): string[] => [
  ...imports,
  ...node,
  ...onFirstUse,
];

/** A published source file: its path from the root, and what it imports. */
export interface SourceFile {
  readonly path: string;
  readonly imports: Imports;
}

/**
 * The violations of a package's layer rule, in words.
 *
 * @param files its sources, without tests
 * @param packages all packages of the workspace
 */
export function layerFaults(
  workspace: Workspace,
  files: readonly SourceFile[],
  packages: readonly Workspace[],
): string[] {
  const folderOf = new Map(packages.map(({ folder, manifest }) => [manifest.name, folder.replace('packages/', '')]));
  const layer = layers[workspace.folder.replace('packages/', '')] ?? {};
  const isOurs = (name: string): boolean => folderOf.has(name);
  const isIn = (name: string, folders: readonly string[] = []): boolean => folders.includes(folderOf.get(name)!);

  const declarations = declared(workspace)
    .filter((name) => isOurs(name) && !isIn(name, below(layer)))
    .map((name) => `${workspace.folder}/package.json declares ${name}`);
  const imported = files.flatMap(({ path, imports: { packages: names, loadedAtOnce } }) => {
    const everywhere = [
      ...(layer.imports ?? []),
      ...(path.startsWith(`${workspace.folder}/src/node/`) ? (layer.node ?? []) : []),
    ];
    return names.filter(isOurs).flatMap((name) => {
      if (isIn(name, everywhere)) return [];
      if (!isIn(name, layer.onFirstUse)) return [`${path} imports ${name}`];
      return loadedAtOnce.includes(name) ? [`${path} imports ${name}, and not on first use`] : [];
    });
  });
  return [...declarations, ...imported];
}
