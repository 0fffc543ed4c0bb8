import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundleScript } from '@flowmap/contract/bundle-script';
import { afterAll, beforeAll, expect, test } from 'vitest';

// The README's script of a teacher and its student becomes a file of this package and runs in an empty folder.
const workspace = join(import.meta.dirname, '../..');
const scripts = join(workspace, '.cache/stages');
const script = (name: string): string => join(scripts, `${name}.ts`);
const home = process.cwd();
let [scratch, killed, hook] = ['', '', ''];

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'flowmap-stages-'));
  await mkdir(scripts, { recursive: true });
  const code = /^```ts\n(.*?)^```/ms.exec(await readFile(join(workspace, 'README.md'), 'utf8'))![1]!;
  for (const name of ['undisturbed', 'killed']) {
    await mkdir(join(scratch, name));
    await writeFile(script(name), code);
  }
  killed = await bundleScript(script('killed'));
  hook = await bundleScript(join(import.meta.dirname, '__fixtures__/kill-at.ts'));
});
afterAll(async () => {
  process.chdir(home);
  await rm(scratch, { recursive: true });
  await rm(scripts, { recursive: true });
});

/** Runs the script in its folder. */
async function run(name: string): Promise<void> {
  process.chdir(join(scratch, name));
  await import(/* @vite-ignore */ pathToFileURL(script(name)).href);
}

/** Runs the script in a process of its own, which is killed when it writes a certain text, or soon after. */
async function killAt(text: string, later = false): Promise<void> {
  const child = spawn(process.execPath, ['--import', pathToFileURL(hook).href, killed], {
    cwd: join(scratch, 'killed'),
    env: { ...process.env, FLOWMAP_KILL_AT: text, ...(later ? { FLOWMAP_KILL_LATER: '1' } : {}) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk) => (said += String(chunk)));
  const [, signal] = (await once(child, 'close')) as [unknown, NodeJS.Signals | null];
  expect(signal, said).toBe('SIGKILL');
}

test('a script that is killed in each of its stages and run again ends as if nothing had happened', async () => {
  await run('undisturbed');
  await killAt('flow-matching: step 7/20');
  await killAt('ayf-emd: step 13/20'); // continues the teacher's training first
  await killAt('runs/student\n', true); // both are done; killed while sampling, before its file is written
  await run('killed');
  const runs = (name: string): string => join(scratch, name, 'runs');
  expect((await readdir(runs('killed'))).sort()).toEqual(['points.json', 'student', 'teacher']);
  for (const file of ['teacher/teacher.safetensors', 'student/student.safetensors', 'points.json']) {
    const [killed, undisturbed] = [join(runs('killed'), file), join(runs('undisturbed'), file)];
    expect((await readFile(killed)).equals(await readFile(undisturbed)), file).toBe(true);
  }
});
