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

/**
 * Test files that set variables of the process, replace packages, open devices or measure memory, so that each needs a
 * process of its own.
 */
const separate = [
  ...['benchmarks', 'tools', 'packages/runtime-tfjs'].map(testsOf),
  'packages/runtime-onnx/src/{device,external-constants,load-ort,webgpu}.test.ts',
  'packages/runtime-onnx/src/{host,in-place}/*.test.ts',
  '**/without-*.test.ts',
  '**/memory.test.ts',
];

function testsOf(root: string): string {
  return `${root}/**/*.test.ts`;
}

/** Files that no project for Node runs. */
const left = [...configDefaults.exclude, `**/${browserTests}`];

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
          include: roots.map(testsOf),
          exclude: [...left, ...separate],
        },
      },
      {
        extends: true as const,
        test: {
          name: 'separate',
          include: separate,
          exclude: left,
        },
      },
      ...browserProjects(roots),
    ],
  },
});
