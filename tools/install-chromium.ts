// Installs Chromium for browser tests if it is missing, and fails if it cannot be installed.
import { spawnSync } from 'node:child_process';
import { chromiumAdvice, findChromium } from './chromium.js';

const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '--non-interactive'];

/** Runs a command of the package manager, and returns whether it succeeded. */
function apt(...args: string[]): boolean {
  const [command = '', ...rest] = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args];
  return spawnSync(command, rest, { stdio: 'inherit' }).status === 0;
}

if (findChromium() === undefined && process.env['FLOWMAP_CHROMIUM'] === undefined) {
  if (process.platform === 'linux') {
    // A package list that could only be updated in part may be enough.
    apt('update');
    apt('install', '--yes', '--no-install-recommends', 'chromium');
  }
}
const found = findChromium();
if (found === undefined) {
  console.error(`*** NO CHROMIUM, which the tests in a browser need. To go on, ${chromiumAdvice}. ***`);
  process.exitCode = 1;
} else {
  console.log(`The tests in a browser run in ${found}.`);
}
