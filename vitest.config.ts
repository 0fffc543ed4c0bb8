import { existsSync, readdirSync } from 'node:fs';
import { defaultClientConditions, defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';
import { browserNotice, browserProjects, browserTests } from './tools/browser-projects.js';
import { SummaryReporter } from './tools/summary-reporter.js';

const source = '@flowmap/source';

/** The workspace folders under `parent` (one vitest project each, named after its folder). */
const workspaces = (parent: string): string[] =>
  readdirSync(parent)
    .map((folder) => `${parent}/${folder}`)
    .filter((root) => existsSync(`${root}/package.json`));

/**
 * Workspaces whose test files share a process, which saves starting one and loading the sources for each of them: tests there
 * change nothing outside themselves. Those of others replace packages, set variables of the process or measure its memory.
 */
const sharing = new Set([
  'adversarial',
  'contract',
  'data',
  'eval',
  'flowmap',
  'flowmap-core',
  'guidance',
  'objectives',
  'runtime-reference',
  'tensor',
  'train',
]);

/** Test files that replace a package or measure memory, which get a process of their own in every workspace. */
const alone = ['src/**/without-*.test.ts', 'src/**/memory.test.ts'];

/** The name of a project. */
const nameOf = (root: string): string => root.slice(root.indexOf('/') + 1);

/** For tests of all projects. No test is judged by its time, and a busy machine may take many times as long as an idle one. */
const timeLimit = 300_000;

const roots = [...workspaces('packages'), ...workspaces('examples')];

export default defineConfig({
  resolve: { conditions: [source, ...defaultClientConditions] },
  ssr: { resolve: { conditions: [source, ...defaultServerConditions] } },
  // What runs in Node before the tests of a project.
  environments: { __vitest__: { resolve: { conditions: [source, ...defaultServerConditions] } } },
  test: {
    pool: 'forks',
    maxWorkers: '100%', // unless told, vitest leaves a processor to itself, which of two is half
    testTimeout: timeLimit,
    hookTimeout: timeLimit,
    teardownTimeout: 60_000,
    reporters: ['default', browserNotice(roots), new SummaryReporter()],
    projects: [
      ...roots.map((root) => ({
        extends: true as const,
        root,
        test: {
          name: nameOf(root),
          isolate: !sharing.has(nameOf(root)),
          include: ['src/**/*.test.ts'],
          exclude: [browserTests, ...alone],
        },
      })),
      {
        extends: true as const,
        test: { name: 'alone', include: roots.flatMap((root) => alone.map((files) => `${root}/${files}`)) },
      },
      ...['benchmarks', 'tools'].map((root) => ({
        extends: true as const,
        root,
        test: { name: root, include: ['**/*.test.ts'] },
      })),
      ...browserProjects(roots),
    ],
  },
});
