import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { bundleScript } from '@flowmap/contract/bundle-script';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-processes-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A number of steps too large to be done while a test runs. */
const ENDLESS = '1000000';

/** A process with its output so far. */
interface Running {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** Resolves once it has shown a text. */
  readonly shows: (text: string) => Promise<void>;
  /** Exit code and complete output, once it has ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly shown: string }>;
}

const running = new Set<Running['child']>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** A small example, and a command that does not stop. */
let [example, deaf] = ['', ''];
beforeAll(async () => {
  const fixture = (name: string): string => join(import.meta.dirname, '__fixtures__', name);
  example = await bundleScript(fixture('run-in-child.ts'));
  deaf = await bundleScript(fixture('deaf-in-child.ts'));
});

function start(script: string, ...args: string[]): Running {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let shown = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (shown += text));
  }
  const ended = new Promise<{ code: number | null; shown: string }>((resolve) => {
    child.on('close', (code) => {
      running.delete(child);
      resolve({ code, shown });
    });
  });
  const shows = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (shown.includes(text)) resolve();
      };
      look();
      for (const stream of [child.stdout, child.stderr]) stream.on('data', look);
      void ended.then(({ code }) => reject(new Error(`it ended with ${code} without '${text}': ${shown}`)));
    });
  return { child, shows, ended };
}

const locks = (folder: string): string[] => readdirSync(folder).filter((name) => name.includes('lock'));

test.each([
  ['SIGINT', 130, 'Ctrl-C'],
  ['SIGTERM', 143, 'SIGTERM'],
  ['SIGHUP', 129, 'SIGHUP'],
] as const)('%s while it trains saves, and ends with %d', async (signal, exitCode, name) => {
  const out = join(scratch, signal);
  const { child, shows, ended } = start(example, out, ENDLESS, '256');
  await shows('ayf-emd: step 1/');
  child.kill(signal);
  const { code, shown } = await ended;
  expect(code).toBe(exitCode);
  expect(shown).toContain(`${name}: saving`);
  expect(shown).toContain(`Interrupted by ${name}. Run the same command again`);
  expect(Number(readFileSync(join(out, 'latest'), 'utf8'))).toBeGreaterThan(0);
  expect(locks(out)).toEqual([]);
});

test('another signal ends a command that does not stop', async () => {
  const { child, shows, ended } = start(deaf);
  await shows('here');
  child.kill('SIGINT');
  await shows('Ctrl-C: saving');
  const again = setInterval(() => child.kill('SIGTERM'), 50); // counts as an echo at first
  expect((await ended).code).toBe(143);
  clearInterval(again);
});

test('Ctrl-C stops the evaluation, and the next call goes on with it', async () => {
  const out = join(scratch, 'evaluation');
  const first = start(example, out, '6', ENDLESS);
  await first.shows('evaluation: teacher, 64 steps');
  first.child.kill('SIGINT');
  expect((await first.ended).code).toBe(130);
  expect(existsSync(join(out, 'index.html'))).toBe(false);

  const { code, shown } = await start(example, out, '6', '256').ended;
  expect(code).toBe(0);
  expect(shown).toContain('evaluation: ');
  expect(shown).not.toMatch(/step \d/); // no training step
  expect(existsSync(join(out, 'index.html'))).toBe(true);
});

test('a second process is refused in the evaluation too; killed, the first leaves it to the next', async () => {
  const out = join(scratch, 'two');
  const first = start(example, out, '6', ENDLESS);
  await first.shows('evaluation: teacher, 64 steps');
  const second = await start(example, out, '6', '256').ended;
  expect(second.code).toBe(1);
  expect(second.shown).toContain(`error: ${out} is in use by process ${first.child.pid} on `);

  first.child.kill('SIGKILL');
  await first.ended;
  expect(locks(out)).toEqual(['example.lock']);
  expect((await start(example, out, '6', '256').ended).code).toBe(0);
  expect(existsSync(join(out, 'index.html'))).toBe(true);
  expect(locks(out)).toEqual([]);
});

test('output that nobody reads any more does not end a command', async () => {
  const out = join(scratch, 'unread');
  const { child, shows, ended } = start(example, out, '300', '256');
  await shows('ayf-emd: step 1/');
  child.stdout.destroy();
  child.stderr.destroy();
  expect((await ended).code).toBe(0);
  expect(existsSync(join(out, 'index.html'))).toBe(true);
});
