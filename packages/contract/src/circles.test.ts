import { describe, expect, it } from 'vitest';
import { circleIn } from './internal/circles.js';
import { importsOf } from './internal/imports.js';
import { sources, workspaces } from './internal/workspace.js';

describe('the finder of circles', () => {
  const found = (imports: Readonly<Record<string, readonly string[]>>): string[] | undefined =>
    circleIn(new Map(Object.entries(imports)));

  it('passes what has none, also where ways meet again', () => {
    expect(found({})).toBeUndefined();
    expect(found({ top: ['left', 'right'], left: ['base'], right: ['base'], base: ['elsewhere'] })).toBeUndefined();
  });

  it('finds a circle behind a way into it, and with a way out of it', () => {
    expect(found({ entry: ['a'], a: ['leaf', 'b'], b: ['c'], c: ['a'], leaf: [] })).toEqual(['a', 'b', 'c', 'a']);
  });

  it('finds a file that imports itself', () => {
    expect(found({ a: ['a'] })).toEqual(['a', 'a']);
  });
});

describe.each([...workspaces('packages'), ...workspaces('examples')])('$folder', (workspace) => {
  it('has no files that import each other in a circle, types included', () => {
    const files = sources(workspace);
    const modules = (file: string): string[] =>
      importsOf(file).files.flatMap((path) => (path.endsWith('.js') ? [path.replace(/\.js$/, '.ts')] : []));
    const imports = new Map(files.map((file) => [file, modules(file)]));
    expect([...imports.values()].flat().filter((target) => !imports.has(target))).toEqual([]);
    expect(circleIn(imports)).toBeUndefined();
  });
});
