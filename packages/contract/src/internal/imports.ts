import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, posix } from 'node:path';
import ts from 'typescript';
import { root } from './workspace.js';

/** The imports of one source file: static, dynamic and types. */
export interface Imports {
  /** Names of npm packages, without subpaths; not those defined by the package's own `imports`. */
  packages: string[];
  /** The packages that are loaded together with the file: neither by dynamic `import()` nor as a type. */
  loadedAtOnce: string[];
  /** Targets of relative imports, as paths from the root. */
  files: string[];
}

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

const read = new Map<string, Imports>();

/** Reads the imports of `file`, a path from the root, once. */
export function importsOf(file: string): Imports {
  const imports = read.get(file) ?? importsIn(file, readFileSync(join(root, file), 'utf8'));
  read.set(file, imports);
  return imports;
}

/** Reads the imports in `text`, the contents of `file`, a path from the root. */
export function importsIn(file: string, text: string): Imports {
  const { importedFiles } = ts.preProcessFile(text, true, true);
  const specifiers = importedFiles.map(({ fileName }) => fileName).filter((name) => !isBuiltin(name));
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  return {
    packages: packagesIn(specifiers),
    loadedAtOnce: packagesIn(source.statements.flatMap(specifierAtOnce)),
    files: specifiers.filter((name) => name.startsWith('.')).map((name) => posix.join(posix.dirname(file), name)),
  };
}

const packagesIn = (specifiers: readonly string[]): string[] => [
  ...new Set(specifiers.filter((name) => !/^[.#]/.test(name) && !isBuiltin(name)).map(packageOf)),
];

/** What a statement imports when the file is loaded; types are not loaded. */
function specifierAtOnce(statement: ts.Statement): string[] {
  if (ts.isImportDeclaration(statement) && statement.importClause?.phaseModifier !== ts.SyntaxKind.TypeKeyword) {
    return [(statement.moduleSpecifier as ts.StringLiteral).text];
  }
  if (ts.isExportDeclaration(statement) && statement.moduleSpecifier && !statement.isTypeOnly) {
    return [(statement.moduleSpecifier as ts.StringLiteral).text];
  }
  return [];
}
