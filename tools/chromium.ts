import { existsSync } from 'node:fs';

/** Where systems install Chromium or Chrome, which works as well. */
const usual = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/snap/bin/chromium',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:/Program Files/Google/Chrome/Application/chrome.exe',
];

/** What to do if there is no browser. */
export const chromiumAdvice = 'install it (Debian: apt-get install chromium), or name one by FLOWMAP_CHROMIUM=path';

/**
 * The browser in which tests run: the one that FLOWMAP_CHROMIUM names, otherwise the first in a usual place.
 * Undefined if there is none or FLOWMAP_CHROMIUM is empty.
 *
 * @throws when FLOWMAP_CHROMIUM names a file that does not exist
 */
export function findChromium(environment = process.env, places: readonly string[] = usual): string | undefined {
  const named = environment['FLOWMAP_CHROMIUM'];
  if (named === undefined) return places.find((path) => existsSync(path));
  if (named === '') return undefined;
  if (!existsSync(named)) throw new Error(`FLOWMAP_CHROMIUM names ${named}, which does not exist.`);
  return named;
}

/**
 * The browser for a run of tests; undefined if there is none, in which case its tests are left out.
 *
 * @throws if there is none and the environment variable CI is set: the checks of a change leave nothing out
 */
export function chromiumForTests(environment = process.env, places: readonly string[] = usual): string | undefined {
  const found = findChromium(environment, places);
  if (found === undefined && !['', 'false', '0'].includes(environment['CI'] ?? '')) {
    throw new Error(`CI is set, and the tests in a browser need Chromium: ${chromiumAdvice}.`);
  }
  return found;
}

/** WebGPU on Linux, computed on the CPU whatever GPU there is: tests compare numbers. */
export const chromiumFlags = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/** Headers that make a page cross-origin isolated, without which WebAssembly has one thread. */
export const isolationHeaders = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};
