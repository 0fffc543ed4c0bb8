import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { root } from './workspace.js';

/** A TypeScript example in a page or a doc comment. */
export interface Example {
  /** The file, as a path from the root. */
  file: string;
  /** The line before the code, counted from 1. */
  line: number;
  code: string;
  /** What its module begins with, on one line; nothing unless given. */
  imports?: string;
}

// The examples become files of this package, which depends on every other.
const folder = join(root, 'packages/contract/.cache/examples');

const moduleOf = ({ file, line }: Example): string =>
  join(folder, `${file.replaceAll(/[/.]/g, '-')}-${String(line)}.ts`);

/** Makes each example a module. */
export function writeModules(examples: readonly Example[]): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const example of examples) {
    writeFileSync(moduleOf(example), `${example.imports ?? ''}\n${example.code}\nexport {};\n`);
  }
}

/** What the compiler says of the modules of `examples`, with file and line of each. */
export function problemsIn(examples: readonly Example[]): string[] {
  const config = ts.getParsedCommandLineOfConfigFile(join(root, 'tsconfig.json'), undefined, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (problem) => {
      throw new Error(ts.flattenDiagnosticMessageText(problem.messageText, '\n'));
    },
  });
  if (config === undefined) throw new Error('tsconfig.json cannot be read.');
  const options = { ...config.options, noUnusedLocals: false, noUnusedParameters: false };
  const program = ts.createProgram(examples.map(moduleOf), options);
  return examples.flatMap((example) => {
    const module = program.getSourceFile(moduleOf(example));
    return [...program.getSyntacticDiagnostics(module), ...program.getSemanticDiagnostics(module)].map((problem) => {
      const line = problem.file?.getLineAndCharacterOfPosition(problem.start ?? 0).line ?? 0;
      const text = ts.flattenDiagnosticMessageText(problem.messageText, '\n');
      return `${example.file}:${String(example.line + line)} ${text}`;
    });
  });
}

/** Runs the module of an example. */
export async function runModule(example: Example): Promise<void> {
  await import(/* @vite-ignore */ pathToFileURL(moduleOf(example)).href);
}
