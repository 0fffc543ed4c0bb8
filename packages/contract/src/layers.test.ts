import { describe, expect, test } from 'vitest';
import { importsOf } from './internal/imports.js';
import { below, layerFaults, layers } from './internal/layers.js';
import { declared, readManifest, sources, workspaces, type Workspace } from './internal/workspace.js';

const packages = workspaces('packages');
const everything = [...packages, ...workspaces('examples')];
const published = packages.filter(({ manifest }) => manifest.private !== true);
const ours = new Set(everything.map(({ manifest }) => manifest.name));
const without = (names: string[], allowed: string[]): string[] => names.filter((name) => !allowed.includes(name));
/** Whether a file is a test or used only by tests, and so not published. */
const isTest = (file: string): boolean => file.endsWith('.test.ts') || file.includes('/__fixtures__/');

const ownSources = (workspace: Workspace): string[] => sources(workspace).filter((file) => !isTest(file));

/** The packages that the workspace's non-test sources import, sorted. */
const imported = (workspace: Workspace): string[] =>
  [...new Set(ownSources(workspace).flatMap((file) => importsOf(file).packages))].sort();

test('every published package has its place in the graph', () => {
  const folders = published.map(({ folder }) => folder.replace('packages/', ''));
  expect(without(folders, Object.keys(layers))).toEqual([]);
});

test('the graph has no cycle', () => {
  const placed = new Set<string>();
  for (let left = Object.keys(layers); left.length > 0; left = left.filter((name) => !placed.has(name))) {
    const free = left.filter((name) => below(layers[name]!).every((lower) => placed.has(lower)));
    expect(free, `a cycle among ${left.join(', ')}`).not.toEqual([]);
    for (const name of free) placed.add(name);
  }
});

describe.each(published)('$folder', (workspace) => {
  test('declares and imports only the layers below', () => {
    const files = ownSources(workspace).map((path) => ({ path, imports: importsOf(path) }));
    expect(layerFaults(workspace, files, everything)).toEqual([]);
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
