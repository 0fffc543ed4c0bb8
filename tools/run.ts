import { spawnSync } from 'node:child_process';
import { delimiter, join, resolve } from 'node:path';

/** The repository's root folder. */
export const root = resolve(import.meta.dirname, '..');

/** Runs a command of this repository's own tools in `cwd`, showing its output, and throws if it fails. */
export function run(cwd: string, command: string, ...args: string[]): void {
  console.log(`$ ${[command, ...args].join(' ')}`);
  const path = [join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
  const shell = process.platform === 'win32';
  const { status, signal, error } = spawnSync(command, args, {
    cwd,
    shell,
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args[0] ?? ''} ended with ${String(status ?? signal)}.`);
}
