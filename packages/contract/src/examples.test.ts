import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docstringsOf } from './internal/docstring-examples.js';
import { importsFor, importsFrom } from './internal/example-imports.js';
import { problemsIn, runModule, writeModules, type Example } from './internal/examples.js';
import { fencesOf } from './internal/fences.js';
import { root, sources, workspaces } from './internal/workspace.js';

/** The documented names whose examples are only type-checked, and why. */
const notRun = {
  clip: 'loads weights of 1.7 GB',
  clipTokenizer: 'loads a file that is not here',
  describeDataset: 'declares tests',
  describeNetwork: 'declares tests',
  describeOptimizer: 'declares tests',
  describeRuntime: 'declares tests',
  describeSampler: 'declares tests',
  dinov2: 'loads weights of 1.2 GB',
  inception: 'loads weights of 96 MB',
  inceptionOutputs: 'loads weights of 96 MB',
  loadWeights: 'loads weights of 96 MB',
};

const published = workspaces('packages').filter(({ manifest }) => manifest.private !== true);
const pages = ['add-a', 'in-a-browser', 'tools', 'your-own-images'].map((name) => `docs/${name}.md`);
const readmes = ['README.md', 'CONTRIBUTING.md', ...pages, ...published.map(({ folder }) => `${folder}/README.md`)];
const titled = <E extends Example>(example: E): E & { title: string } => ({
  ...example,
  title: `${example.file}:${String(example.line)}`,
});
const fences = readmes.flatMap(fencesOf).map(titled);

const exported = importsFrom(published);
const docstrings = published.flatMap((workspace) => {
  const imports = new Map([...exported, ...importsFrom([workspace])]);
  const examples = sources(workspace).flatMap(docstringsOf).map(titled);
  return examples.map((example) => ({ ...example, imports: importsFor(example.code, imports) }));
});

const home = process.cwd();
const scratch = mkdtempSync(join(tmpdir(), 'flowmap-examples-'));

/** Makes a folder in which examples run the working directory. */
function enter(name: string): void {
  const place = join(scratch, name);
  mkdirSync(place, { recursive: true });
  process.chdir(place);
}

beforeAll(() => writeModules([...fences, ...docstrings]));

afterAll(() => {
  process.chdir(home);
  rmSync(scratch, { recursive: true });
});

// Checking the sources of every package takes seconds on an idle machine and longer on a busy one.
test('every example type-checks', () => {
  expect(problemsIn([...fences, ...docstrings])).toEqual([]);
});

describe('in a page', () => {
  test.each(published)('$folder has a README with an example that runs', (workspace) => {
    expect(fencesOf(`${workspace.folder}/README.md`).some(({ run }) => run)).toBe(true);
  });

  test.each(fences.filter(({ run }) => run))('$title runs', async (fence) => {
    enter(fence.file.replaceAll('/', '-'));
    await runModule(fence);
  });
});

describe('in a doc comment', () => {
  beforeAll(async () => {
    enter('docstrings');
    const { writeFiles } = await import('./__fixtures__/docstring-files.js');
    await writeFiles();
  });

  test('all examples are found, also those that are not run', () => {
    const texts = published.flatMap(sources).map((file) => readFileSync(join(root, file), 'utf8'));
    expect(docstrings.length).toBe(texts.join('').split(/^\s*\* @example$/m).length - 1);
    expect(docstrings.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(notRun)));
  });

  for (const example of docstrings.filter(({ name }) => !Object.hasOwn(notRun, name))) {
    test(`${example.title} ${example.name} runs`, async () => {
      enter('docstrings');
      await runModule(example);
    });
  }
});
