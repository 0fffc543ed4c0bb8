import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import type { Example } from './examples.js';
import { root } from './workspace.js';

/** The `@example` of a doc comment. */
export interface DocstringExample extends Example {
  /** What the comment is about: a function, or a member of an interface. */
  name: string;
}

/** The examples in the doc comments of `file`, a path from the root. */
export function docstringsOf(file: string): DocstringExample[] {
  const text = readFileSync(join(root, file), 'utf8');
  return text.includes('@example') ? parseDocstrings(file, text) : [];
}

/** The examples in the doc comments of `text`, the contents of `file`. */
export function parseDocstrings(file: string, text: string): DocstringExample[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const examples: DocstringExample[] = [];
  const visit = (node: ts.Node): void => {
    // A variable is also told of the comment of its statement.
    const own = ts.getJSDocCommentsAndTags(node).filter((comment) => comment.parent === node);
    examples.push(...own.filter(ts.isJSDoc).flatMap((comment) => examplesIn(comment, source)));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return examples;
}

function examplesIn(comment: ts.JSDoc, source: ts.SourceFile): DocstringExample[] {
  const tags = comment.tags?.filter(({ tagName }) => tagName.text === 'example') ?? [];
  return tags.map((tag) => ({
    file: source.fileName,
    line: source.getLineAndCharacterOfPosition(tag.getStart(source)).line + 1,
    name: nameOf(comment.parent),
    code: ts.getTextOfJSDocComment(tag.comment) ?? '',
  }));
}

function nameOf(node: ts.Node): string {
  const declaration = ts.isVariableStatement(node) ? node.declarationList.declarations[0]! : node;
  return (declaration as ts.NamedDeclaration).name?.getText() ?? '';
}
