import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { expect, test } from 'vitest';
import { anchorsOf, linkFault, linksOf } from './internal/links.js';
import { root } from './internal/workspace.js';

const LEFT_OUT = /^(\.|node_modules$|dist$|out$|runs$|tarballs$|shared$)/;

/** The pages in Markdown below a folder, as paths from the root; what is installed or built is left out. */
function pagesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) return LEFT_OUT.test(entry.name) ? [] : pagesBelow(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}
const pages = pagesBelow('.');

test('links, anchors and faults are told', () => {
  expect(linksOf('[a](b.md) `[c](d.md)` ![e](f.png)\n```md\n[g](h.md)\n```\n')).toEqual(['b.md', 'f.png']);
  expect(anchorsOf('# The `f(x)` of [A](b.md), 2nd\n```sh\n# none\n```')).toEqual(['the-fx-of-a-2nd']);
  const page = join(root, 'README.md');
  expect(linkFault(page, 'https://example.org/nowhere')).toBeUndefined();
  expect(linkFault(page, 'nowhere.md')).toBe('nowhere.md: there is no such file');
  expect(linkFault(page, 'CONTRIBUTING.md#nowhere')).toBe('CONTRIBUTING.md#nowhere: there is no such heading');
});

test('every page is found, and every link in it leads somewhere', () => {
  expect(pages).toContain('docs/README.md');
  const faults = pages.flatMap((page) => {
    const path = join(root, page);
    const found = linksOf(readFileSync(path, 'utf8')).map((link) => linkFault(path, link));
    return found.filter((fault) => fault !== undefined).map((fault) => `${page}: ${fault}`);
  });
  expect(faults).toEqual([]);
});

test('every page of the docs is in their index', () => {
  const listed = linksOf(readFileSync(join(root, 'docs/README.md'), 'utf8'));
  const own = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md') && name !== 'README.md');
  expect(own.filter((page) => !listed.includes(page))).toEqual([]);
});
