import { existsSync } from 'node:fs';

/** Where systems install Chromium, or Chrome, which does as well. */
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

/** What to do where there is no browser. */
export const chromiumAdvice = 'install it (Debian: apt-get install chromium), or name one by FLOWMAP_CHROMIUM=path';

/**
 * The browser that tests run in: what FLOWMAP_CHROMIUM names, else the first in a usual place. Undefined where there is none, or
 * FLOWMAP_CHROMIUM is set to nothing.
 *
 * @throws when FLOWMAP_CHROMIUM names a file that does not exist
 */
export function findChromium(): string | undefined {
  const named = process.env['FLOWMAP_CHROMIUM'];
  if (named === undefined) return usual.find((path) => existsSync(path));
  if (named === '') return undefined;
  if (!existsSync(named)) throw new Error(`FLOWMAP_CHROMIUM names ${named}, which does not exist.`);
  return named;
}

/** WebGPU on Linux, computed on the CPU whatever GPU there is: tests compare numbers. */
export const chromiumFlags = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/** Headers that make a page cross-origin isolated, without which WebAssembly has one thread. */
export const isolationHeaders = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};
