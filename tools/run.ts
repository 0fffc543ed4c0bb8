import { spawnSync } from 'node:child_process';
import { delimiter, join, resolve } from 'node:path';

/** The repository's root folder. */
export const root = resolve(import.meta.dirname, '..');

/**
 * Runs a command in `cwd`, the repository's own tools among them, and throws if it fails.
 *
 * @param output `'show'` passes the command's output through; `'on-failure'` shows it only if the command fails.
 */
export function run(cwd: string, output: 'show' | 'on-failure', command: string, ...args: string[]): void {
  console.log(`$ ${[command, ...args].join(' ')}`);
  const path = [join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: output === 'show' ? 'inherit' : 'pipe',
    env: { ...process.env, PATH: path },
  });
  if (error !== undefined) throw error;
  if (status === 0) return;
  if (output === 'on-failure') process.stderr.write(stdout + stderr);
  throw new Error(`${command} ${args[0] ?? ''} ended with ${String(status ?? signal)}.`);
}
