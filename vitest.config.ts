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

const roots = [...workspaces('packages'), ...workspaces('examples')];

export default defineConfig({
  resolve: { conditions: [source, ...defaultClientConditions] },
  ssr: { resolve: { conditions: [source, ...defaultServerConditions] } },
  // What runs in Node before the tests of a project.
  environments: { __vitest__: { resolve: { conditions: [source, ...defaultServerConditions] } } },
  test: {
    pool: 'forks',
    testTimeout: 30_000,
    reporters: ['default', browserNotice(roots), new SummaryReporter()],
    projects: [
      ...roots.map((root) => ({
        extends: true as const,
        root,
        test: {
          name: root.slice(root.indexOf('/') + 1),
          include: ['src/**/*.test.ts'],
          exclude: [browserTests],
        },
      })),
      ...['benchmarks', 'tools'].map((root) => ({
        extends: true as const,
        root,
        test: { name: root, include: ['**/*.test.ts'] },
      })),
      ...browserProjects(roots),
    ],
  },
});
