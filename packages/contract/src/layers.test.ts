import { describe, expect, test } from 'vitest';
import { importsOf } from './internal/imports.js';
import { declared, readManifest, sources, workspaces, type Workspace } from './internal/workspace.js';

/** Which packages each package may import; `contract` and the examples may import all of them. */
const layers: Record<string, string[]> = {
  tensor: [],
  'flowmap-core': ['tensor'],
  objectives: ['flowmap-core', 'tensor'],
  train: ['flowmap-core', 'tensor'],
  data: ['flowmap-core'],
  'runtime-onnx': ['tensor'],
  'runtime-tfjs': ['tensor'],
  'runtime-reference': ['tensor'],
};

const packages = workspaces('packages');
const everything = [...packages, ...workspaces('examples')];
const published = packages.filter(({ manifest }) => manifest.private !== true);
const ours = new Set(everything.map(({ manifest }) => manifest.name));
const nameOf = (folder: string): string => readManifest(`packages/${folder}`).name;
const without = (names: string[], allowed: string[]): string[] => names.filter((name) => !allowed.includes(name));
/** Tests and what only they use, which is not published. */
const isTest = (file: string): boolean => file.endsWith('.test.ts') || file.includes('/__fixtures__/');

/** The packages that the workspace's non-test sources import, sorted. */
const imported = (workspace: Workspace): string[] => {
  const files = sources(workspace).filter((file) => !isTest(file));
  return [...new Set(files.flatMap((file) => importsOf(file).packages))].sort();
};

test('every published package has its place in the graph', () => {
  expect(published.map(({ folder }) => folder.replace('packages/', '')).sort()).toEqual(Object.keys(layers).sort());
});

test('the graph has no cycle', () => {
  const placed = new Set<string>();
  for (let left = Object.keys(layers); left.length > 0; left = left.filter((name) => !placed.has(name))) {
    const free = left.filter((name) => layers[name]?.every((below) => placed.has(below)));
    expect(free, `a cycle among ${left.join(', ')}`).not.toEqual([]);
    for (const name of free) placed.add(name);
  }
});

describe.each(published)('$folder', (workspace) => {
  const allowed = (layers[workspace.folder.replace('packages/', '')] ?? []).map(nameOf);

  test('depends only on the layers below', () => {
    const internal = declared(workspace).filter((name) => ours.has(name));
    expect(without(internal, allowed)).toEqual([]);
  });

  test('imports only the layers below', () => {
    const internal = imported(workspace).filter((name) => ours.has(name));
    expect(without(internal, allowed)).toEqual([]);
  });

  test('imports everything it declares', () => {
    expect(without(declared(workspace), imported(workspace))).toEqual([]);
  });
});

describe.each(everything)('$folder', (workspace) => {
  const tools = Object.keys(readManifest('.').devDependencies ?? {});

  test('declares everything it imports', () => {
    const allowed = [...declared(workspace), ...(workspace.manifest.private === true ? tools : [])];
    expect(without(imported(workspace), allowed)).toEqual([]);
  });

  test('tests import only what the repository installs', () => {
    const names = sources(workspace)
      .filter(isTest)
      .flatMap((file) => importsOf(file).packages);
    expect(without(names, [...declared(workspace), ...tools, ...ours])).toEqual([]);
  });

  test('relative imports stay inside the package', () => {
    const targets = sources(workspace).flatMap((file) => importsOf(file).files);
    expect(targets.filter((target) => !target.startsWith(`${workspace.folder}/`))).toEqual([]);
  });
});
