import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { playwright } from '@vitest/browser-playwright';
import type { TestProjectInlineConfiguration } from 'vitest/config';
import type { Reporter } from 'vitest/node';
import { chromiumAdvice, chromiumFlags, chromiumForTests, isolationHeaders } from './chromium.js';

/** The test files of a workspace that run in a browser. */
export const browserTests = 'src/**/*.browser.test.ts';

/** The file that runs in Node before them, if it exists: computes what they compare with. */
const setup = 'src/browser-setup.ts';

/** Dependencies that the server for browsers bundles in advance; one that it finds later makes it reload the page. */
const bundled = [
  '@bufbuild/protobuf',
  '@bufbuild/protobuf/wkt',
  '@tensorflow/tfjs-backend-wasm',
  '@tensorflow/tfjs-backend-webgl',
  '@tensorflow/tfjs-backend-webgpu',
  '@tensorflow/tfjs-core',
  'fflate',
  'onnx-buf',
];

/**
 * The vitest project `browser` with the tests of all workspaces for a browser; none if there is no browser.
 *
 * @param roots folders of the workspaces
 * @throws if there is no browser and CI is set
 */
export function browserProjects(roots: readonly string[]): TestProjectInlineConfiguration[] {
  const executablePath = chromiumForTests();
  if (executablePath === undefined) return [];
  const provider = playwright({ launchOptions: { executablePath, args: chromiumFlags } });
  return [
    {
      extends: true,
      server: { headers: isolationHeaders },
      // Packages that find their WebAssembly by the address they were loaded from stay as they are
      // installed.
      optimizeDeps: { exclude: ['onnxruntime-web'], include: bundled },
      test: {
        include: roots.map((root) => `${root}/${browserTests}`),
        // What a test can read as `import.meta.env`: FLOWMAP_BROWSER=all runs the parts that are left out for
        // their length.
        env: { FLOWMAP_BROWSER: process.env['FLOWMAP_BROWSER'] ?? '' },
        globalSetup: roots.map((root) => join(root, setup)).filter((file) => existsSync(file)),
        browser: {
          enabled: true,
          headless: true,
          screenshotFailures: false,
          // A busy machine may take long to open the first page.
          connectTimeout: 300_000,
          provider,
          instances: [{ browser: 'chromium', name: 'browser' }],
        },
      },
    },
  ];
}

/** Reports once, at the start of a run, which tests are left out because there is no browser. */
export function browserNotice(roots: readonly string[]): Reporter {
  return {
    onInit() {
      if (chromiumForTests() !== undefined) return;
      const names = roots
        .filter(hasBrowserTests)
        .map((root) => basename(root))
        .join(', ');
      console.warn(`Left out: ${names}. There is no Chromium here; ${chromiumAdvice}.`);
    },
  };
}

function hasBrowserTests(root: string): boolean {
  const folder = join(root, 'src');
  if (!existsSync(folder)) return false;
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files.some((file) => file.endsWith('.browser.test.ts'));
}
