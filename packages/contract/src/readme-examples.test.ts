import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fencesOf, parseFences, type Fence } from './internal/fences.js';
import { root, workspaces } from './internal/workspace.js';

const published = workspaces('packages').filter(({ manifest }) => manifest.private !== true);
const pages = ['add-a', 'in-a-browser', 'tools', 'your-own-images'].map((name) => `docs/${name}.md`);
const readmes = ['README.md', 'CONTRIBUTING.md', ...pages, ...published.map(({ folder }) => `${folder}/README.md`)];
const fences = readmes.flatMap(fencesOf).map((fence) => ({ ...fence, title: `${fence.readme}:${String(fence.line)}` }));

// The examples become files of this package, which depends on every other; those of a README run in a folder of their own.
const folder = join(root, 'packages/contract/.cache/readme');
const fileOf = ({ readme, line }: Fence): string =>
  join(folder, `${readme.replaceAll(/[/.]/g, '-')}-${String(line)}.ts`);
const home = process.cwd();
const scratch = mkdtempSync(join(tmpdir(), 'flowmap-readme-'));

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const fence of fences) writeFileSync(fileOf(fence), `${fence.code}\nexport {};\n`);
});

afterAll(() => {
  process.chdir(home);
  rmSync(scratch, { recursive: true });
});

test('fences are found with their line, language and flags', () => {
  const text = ['# Title', '```ts', 'one();', 'two();', '```', '```sh', '```', '```ts no-run', 'three();', '```'];
  expect(parseFences('R.md', text.join('\n'))).toEqual([
    { readme: 'R.md', line: 2, run: true, code: 'one();\ntwo();' },
    { readme: 'R.md', line: 8, run: false, code: 'three();' },
  ]);
});

test.each(published)('$folder has a README with an example that runs', (workspace) => {
  expect(fencesOf(`${workspace.folder}/README.md`).some(({ run }) => run)).toBe(true);
});

// Checking the sources of every package takes seconds on an idle machine and longer on a busy one.
test('every example type-checks', () => {
  const config = ts.getParsedCommandLineOfConfigFile(join(root, 'tsconfig.json'), undefined, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (problem) => {
      throw new Error(ts.flattenDiagnosticMessageText(problem.messageText, '\n'));
    },
  });
  if (config === undefined) throw new Error('tsconfig.json cannot be read.');
  const options = { ...config.options, noUnusedLocals: false, noUnusedParameters: false };
  const program = ts.createProgram(fences.map(fileOf), options);
  const problems = fences.flatMap((fence) => {
    const file = program.getSourceFile(fileOf(fence));
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map((problem) => {
      const line = problem.file?.getLineAndCharacterOfPosition(problem.start ?? 0).line ?? 0;
      const text = ts.flattenDiagnosticMessageText(problem.messageText, '\n');
      return `${fence.readme}:${String(fence.line + line + 1)} ${text}`;
    });
  });
  expect(problems).toEqual([]);
});

test.each(fences.filter(({ run }) => run))('$title runs', async (fence) => {
  const place = join(scratch, fence.readme.replaceAll('/', '-'));
  mkdirSync(place, { recursive: true });
  process.chdir(place);
  await import(/* @vite-ignore */ pathToFileURL(fileOf(fence)).href);
});
