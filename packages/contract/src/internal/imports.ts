import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, posix } from 'node:path';
import ts from 'typescript';
import { root } from './workspace.js';

/** What one source file imports, statically, dynamically or as a type. */
export interface Imports {
  /** Names of npm packages, without subpaths; not what the package's own `imports` name. */
  packages: string[];
  /** Targets of relative imports, as paths from the root. */
  files: string[];
}

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/** Reads the imports of `file`, a path from the root. */
export function importsOf(file: string): Imports {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(root, file), 'utf8'), true, true);
  const specifiers = importedFiles.map(({ fileName }) => fileName).filter((name) => !isBuiltin(name));
  return {
    packages: [...new Set(specifiers.filter((name) => !/^[.#]/.test(name)).map(packageOf))],
    files: specifiers.filter((name) => name.startsWith('.')).map((name) => posix.join(posix.dirname(file), name)),
  };
}
