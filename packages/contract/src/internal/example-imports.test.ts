import { expect, test } from 'vitest';
import { freeNames, importsFor, importsFrom } from './example-imports.js';
import { workspaces } from './workspace.js';

test.each([
  ['f(a.x, { b, y: c }, `${d}`)', ['f', 'a', 'b', 'c', 'd']],
  ['console.log(new Uint8Array(2), undefined)', []],
  ['const { z: e, g } = h; e(g)', ['h']],
  ['const i = (x: T, { y }) => x + y + i; x', ['T', 'x']],
  ['function j(k: { l: U }) { j(k); } k', ['U', 'k']],
])('the free names of %s', (code, names) => {
  expect(freeNames(code)).toEqual(names);
});

test('a name comes from the first package that exports it, else from Node, else from the fixture', () => {
  const packages = workspaces('packages').filter(({ folder }) => /(core|tensor)$/.test(folder));
  const code = 'const a: Dataset = mlp(Tensor, readFile, teacher, hostTensor, checkDerivatives)';
  expect(importsFor(code, importsFrom(packages))).toBe(
    [
      "import { type Dataset } from '@flowmap/core';",
      "import { mlp } from '@flowmap/core';",
      "import { Tensor } from '@flowmap/tensor';",
      "import { readFile } from 'node:fs/promises';",
      "import { teacher } from '../../src/__fixtures__/docstring-values.js';",
      "import { hostTensor } from '@flowmap/core';",
      "import { checkDerivatives } from '@flowmap/tensor/testing';",
    ].join(' '),
  );
});

test('functions that an entry declares itself are exported', () => {
  const packages = workspaces('packages').filter(({ folder }) => folder.endsWith('efficientnet-lite0'));
  expect(importsFrom(packages).get('weights')).toBe("import { weights } from '@flowmap/efficientnet-lite0';");
});
