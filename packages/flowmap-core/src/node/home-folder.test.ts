import { spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { homeFolder } from './home-folder.js';

test('the home folder is that of the system, and none where there is none', () => {
  expect(homeFolder()).toBe(homedir());
  // In a process of its own, since the environment is shared.
  const module = pathToFileURL(join(import.meta.dirname, 'home-folder.ts')).href;
  const script = `import('${module}').then(({ homeFolder }) => console.log(String(homeFolder())))`;
  const args = ['--import', import.meta.resolve('tsx'), '--eval', script];
  const { stdout, stderr } = spawnSync(process.execPath, args, { env: { ...process.env, HOME: '' }, encoding: 'utf8' });
  expect(stdout, stderr).toBe('undefined\n');
});
