import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { playwright } from '@vitest/browser-playwright';
import type { TestProjectInlineConfiguration } from 'vitest/config';
import { chromiumAdvice, chromiumFlags, findChromium, isolationHeaders } from './chromium.js';

/** The test files of a workspace that run in a browser. */
export const browserTests = 'src/**/*.browser.test.ts';

/**
 * A vitest project for each workspace that has tests for a browser, named `<folder> (browser)`. Where there is no browser there
 * are none, and a line says so.
 *
 * @param roots folders of the workspaces
 */
export function browserProjects(roots: readonly string[]): TestProjectInlineConfiguration[] {
  const tested = roots.filter(hasBrowserTests);
  const executablePath = findChromium();
  if (executablePath === undefined) {
    const names = tested.map(nameOf).join(', ');
    console.warn(`Left out: ${names}. There is no Chromium here; ${chromiumAdvice}.`);
    return [];
  }
  const provider = playwright({ launchOptions: { executablePath, args: chromiumFlags } });
  return tested.map((root) => ({
    extends: true,
    root,
    cacheDir: resolve('node_modules/.vite', basename(root)),
    server: { headers: isolationHeaders },
    // What finds its own WebAssembly by the address it was loaded from stays as it is installed.
    optimizeDeps: { exclude: ['onnxruntime-web'] },
    test: {
      include: [browserTests],
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider,
        instances: [{ browser: 'chromium', name: nameOf(root) }],
      },
    },
  }));
}

const nameOf = (root: string): string => `${basename(root)} (browser)`;

function hasBrowserTests(root: string): boolean {
  const folder = join(root, 'src');
  if (!existsSync(folder)) return false;
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files.some((file) => file.endsWith('.browser.test.ts'));
}
