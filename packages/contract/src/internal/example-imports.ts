import { readFileSync } from 'node:fs';
import * as files from 'node:fs/promises';
import { join } from 'node:path';
import ts from 'typescript';
import { root, type Workspace } from './workspace.js';

/** A statement that imports it, for every name that the entries of `packages` export: from the first that has it. */
export function importsFrom(packages: readonly Workspace[]): Map<string, string> {
  const imports = new Map<string, string>();
  for (const { folder, manifest } of packages) {
    for (const [path, target] of Object.entries(manifest.exports ?? {})) {
      if (typeof target === 'string') continue;
      for (const [name, isType] of exportsOf(join(root, folder, target['@flowmap/source']))) {
        const statement = `import { ${isType ? 'type ' : ''}${name} } from '${manifest.name}${path.slice(1)}';`;
        if (!imports.has(name)) imports.set(name, statement);
      }
    }
  }
  return imports;
}

/** The names that an entry exports, and whether they are types. */
function exportsOf(path: string): (readonly [name: string, isType: boolean])[] {
  const { statements } = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest);
  return statements.flatMap((statement) => {
    if (ts.isFunctionDeclaration(statement)) return [[statement.name!.text, false] as const];
    if (!ts.isExportDeclaration(statement)) return [];
    const { elements } = statement.exportClause as ts.NamedExports;
    return elements.map(({ name, isTypeOnly }) => [name.text, isTypeOnly || statement.isTypeOnly] as const);
  });
}

/**
 * The imports of the names that `code` uses and does not declare, on one line: by the statements `imports`, else from
 * `node:fs/promises`, else from the fixture of values that examples speak of.
 */
export function importsFor(code: string, imports: ReadonlyMap<string, string>): string {
  const fixture = '../../src/__fixtures__/docstring-values.js';
  const statements = freeNames(code).map(
    (name) => imports.get(name) ?? `import { ${name} } from '${name in files ? 'node:fs/promises' : fixture}';`,
  );
  return statements.join(' ');
}

/** The names that `code` uses and has neither declared nor from the language. */
export function freeNames(code: string): string[] {
  const used: ts.Identifier[] = [];
  const declared: { readonly name: string; readonly scope: ts.Node | undefined }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      if (isDeclared(node)) declared.push({ name: node.text, scope: scopeOf(node) });
      else if (!isMember(node)) used.push(node);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('example.ts', code, ts.ScriptTarget.Latest, true));
  const isKnown = (node: ts.Identifier): boolean =>
    node.text in globalThis ||
    declared.some(({ name, scope }) => name === node.text && ts.findAncestor(node, (one) => one === scope));
  return [...new Set(used.filter((node) => !isKnown(node)).map(({ text }) => text))];
}

/** Where a declared name is known; a block counts as part of the function around it. */
const scopeOf = ({ parent }: ts.Identifier): ts.Node | undefined =>
  ts.findAncestor(
    ts.isFunctionDeclaration(parent) ? parent.parent : parent,
    (node) => ts.isFunctionLike(node) || ts.isSourceFile(node),
  );

/** Whether an identifier gives a variable, a parameter or a function its name. */
function isDeclared(node: ts.Identifier): boolean {
  const { parent } = node;
  const canDeclare =
    ts.isVariableDeclaration(parent) ||
    ts.isBindingElement(parent) ||
    ts.isParameter(parent) ||
    ts.isFunctionDeclaration(parent);
  return canDeclare && parent.name === node;
}

/** Whether an identifier names a property, as in `a.name`, `{ name: a }`, `{ name: string }` and `const { name: a }`. */
function isMember(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isBindingElement(parent)) return parent.propertyName === node;
  return (parent as ts.NamedDeclaration).name === node && !ts.isShorthandPropertyAssignment(parent);
}
