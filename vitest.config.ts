import { existsSync, readdirSync } from 'node:fs';
import { defaultClientConditions, defaultServerConditions } from 'vite';
import { configDefaults, defineConfig } from 'vitest/config';
import { browserNotice, browserProjects, browserTests } from './tools/browser-projects.js';
import { SummaryReporter } from './tools/summary-reporter.js';

const source = '@flowmap/source';

/** The workspace folders under `parent`. */
const workspaces = (parent: string): string[] =>
  readdirSync(parent)
    .map((folder) => `${parent}/${folder}`)
    .filter((root) => existsSync(`${root}/package.json`));

const roots = [...workspaces('packages'), ...workspaces('examples')];

/** Folders whose tests set variables of the process or replace packages, so that each file needs a process of its own. */
const separateRoots = ['packages/runtime-onnx', 'packages/runtime-tfjs', 'benchmarks', 'tools'];

/** Test files that replace a package or measure memory, which need a process of their own in any folder. */
const separateFiles = ['**/without-*.test.ts', '**/memory.test.ts'];

/** Files that no project for Node runs. */
const left = [...configDefaults.exclude, `**/${browserTests}`];

const testsOf = (root: string): string => `${root}/**/*.test.ts`;

/** For tests of all projects. No test is judged by its time, and a busy machine may take many times as long as an idle one. */
const timeLimit = 300_000;

export default defineConfig({
  resolve: { conditions: [source, ...defaultClientConditions] },
  ssr: { resolve: { conditions: [source, ...defaultServerConditions] } },
  // What runs in Node before the tests of a project.
  environments: { __vitest__: { resolve: { conditions: [source, ...defaultServerConditions] } } },
  test: {
    pool: 'forks',
    maxWorkers: '100%', // by default vitest keeps a processor for itself, half of two
    testTimeout: timeLimit,
    hookTimeout: timeLimit,
    teardownTimeout: 60_000,
    reporters: ['default', browserNotice(roots), new SummaryReporter()],
    // Few projects, since each transforms the sources anew.
    projects: [
      {
        extends: true as const,
        test: {
          name: 'shared',
          isolate: false, // starting a process and loading the sources takes longer than most files' tests
          include: roots.filter((root) => !separateRoots.includes(root)).map(testsOf),
          exclude: [...left, ...separateFiles],
        },
      },
      {
        extends: true as const,
        test: {
          name: 'separate',
          include: [
            ...separateRoots.map(testsOf),
            ...roots.flatMap((root) => separateFiles.map((files) => `${root}/${files}`)),
          ],
          exclude: left,
        },
      },
      ...browserProjects(roots),
    ],
  },
});
