import { describe, expect, test } from 'vitest';
import { importsIn } from './imports.js';
import { layerFaults, layers } from './layers.js';
import type { Workspace } from './workspace.js';

/** A package that need not exist; it declares `dependencies`. */
const madeUp = (folder: string, dependencies: string[] = []): Workspace => ({
  folder: `packages/${folder}`,
  manifest: { name: `@made-up/${folder}`, dependencies: Object.fromEntries(dependencies.map((name) => [name, '1'])) },
});

const packages = Object.keys(layers).map((folder) => madeUp(folder));

/** The faults of a package whose only source is `file` with the contents `text`. */
function faults(folder: string, file: string, text: string): string[] {
  const path = `packages/${folder}/src/${file}`;
  return layerFaults(madeUp(folder), [{ path, imports: importsIn(path, text) }], packages);
}

describe.each(['guidance', 'adversarial', 'eval'])('%s', (folder) => {
  const [core, tensor, data, train] = ['flowmap-core', 'tensor', 'data', 'train'].map((name) => `@made-up/${name}`);

  test('may import core and tensor', () => {
    expect(faults(folder, 'a.ts', `import { a } from '${core}'; export * from '${tensor}/testing';`)).toEqual([]);
    expect(layerFaults(madeUp(folder, [core!, tensor!, 'sharp']), [], packages)).toEqual([]);
  });

  test('may import nothing else of the workspace, as a type or on first use neither', () => {
    const expected = [`packages/${folder}/src/a.ts imports ${train}`];
    expect(faults(folder, 'a.ts', `import '${train}';`)).toEqual(expected);
    expect(faults(folder, 'a.ts', `import type { A } from '${train}/node';`)).toEqual(expected);
    expect(faults(folder, 'node/a.ts', `const a = await import('${train}');`)).toEqual([
      `packages/${folder}/src/node/a.ts imports ${train}`,
    ]);
    expect(layerFaults(madeUp(folder, [train!]), [], packages)).toEqual([
      `packages/${folder}/package.json declares ${train}`,
    ]);
  });

  test('may import data where Node is, if it is eval', () => {
    const mayNot = folder === 'eval' ? [] : [`packages/${folder}/src/node/a.ts imports ${data}`];
    expect(faults(folder, 'a.ts', `import { a } from '${data}';`)).toEqual([
      `packages/${folder}/src/a.ts imports ${data}`,
    ]);
    expect(faults(folder, 'node/a.ts', `import { a } from '${data}/node';`)).toEqual(mayNot);
    expect(layerFaults(madeUp(folder, [data!]), [], packages)).toHaveLength(mayNot.length);
  });
});

describe('flowmap', () => {
  const others = packages.map(({ manifest }) => manifest.name).filter((name) => name !== '@made-up/flowmap');

  test('may load everything on first use, and import its types', () => {
    const text = others.map((name) => `import type { A } from '${name}'; await import('${name}');`).join('\n');
    expect(faults('flowmap', 'a.ts', text)).toEqual([]);
    expect(layerFaults(madeUp('flowmap', others), [], packages)).toEqual([]);
  });

  test.each([
    ["import { train } from '@made-up/train';"],
    ["import '@made-up/train/node';"],
    ["import { type Train } from '@made-up/train';"],
    ["export * from '@made-up/train';"],
    ["export { train } from '@made-up/train';"],
    ["await import('@made-up/train'); import * as train from '@made-up/train';"],
  ])('may not load at once: %s', (text) => {
    expect(faults('flowmap', 'a.ts', text)).toEqual([
      'packages/flowmap/src/a.ts imports @made-up/train, and not on first use',
    ]);
  });
});

test('efficientnet-lite0 may import nothing of the workspace', () => {
  expect(faults('efficientnet-lite0', 'a.ts', "import { readFile } from 'node:fs/promises';")).toEqual([]);
  expect(faults('efficientnet-lite0', 'a.ts', "await import('@made-up/tensor');")).toEqual([
    'packages/efficientnet-lite0/src/a.ts imports @made-up/tensor',
  ]);
});
