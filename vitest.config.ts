import { existsSync, readdirSync } from 'node:fs';
import { defaultClientConditions, defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './tools/summary-reporter.js';

const source = '@flowmap/source';

/** The workspace folders under `parent` (one vitest project each, named after its folder). */
const workspaces = (parent: string): string[] =>
  readdirSync(parent)
    .map((folder) => `${parent}/${folder}`)
    .filter((root) => existsSync(`${root}/package.json`));

export default defineConfig({
  resolve: { conditions: [source, ...defaultClientConditions] },
  ssr: { resolve: { conditions: [source, ...defaultServerConditions] } },
  test: {
    pool: 'forks',
    testTimeout: 30_000,
    reporters: ['default', new SummaryReporter()],
    projects: [...workspaces('packages'), ...workspaces('examples')].map((root) => ({
      extends: true as const,
      root,
      test: { name: root.slice(root.indexOf('/') + 1), include: ['src/**/*.test.ts'] },
    })),
  },
});
