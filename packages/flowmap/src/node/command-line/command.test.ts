import { DataError, FlowmapError } from '@flowmap/core';
import { expect, test } from 'vitest';
import { runCommand, type CommandContext } from './command.js';
import { whole } from './options.js';

async function run(
  work: (config: { readonly seed: number }, context: CommandContext) => Promise<unknown>,
  ...args: string[]
): Promise<{ code: number; out: string; error: string }> {
  const shown = { out: '', error: '' };
  const spec = { name: 'test', description: 'A test.', options: { seed: whole('seed', 7, 0) }, run: work };
  const code = await runCommand(spec, args, {
    out: (text) => void (shown.out += text),
    error: (text) => void (shown.error += text),
  });
  return { code, ...shown };
}

test('work gets its configuration and a way to talk', async () => {
  const result = await run(
    ({ seed }, { print }) => {
      print(`seed ${seed}`);
      return Promise.resolve();
    },
    '--seed',
    '3',
  );
  expect(result).toEqual({ code: 0, out: 'seed 3\n', error: '' });
});

test('what does not print is written out, and JSON keeps its meaning', async () => {
  const name = 'a\u001b[31m\u202e\u{e0001}\ud800 ä 🙂\tb';
  const { out, error } = await run((_, { print, note }) => {
    print(JSON.stringify({ name }));
    note?.(name);
    return Promise.resolve();
  });
  expect(out).toBe('{"name":"a\\u001b[31m\\u202e\\udb40\\udc01\\ud800 ä 🙂\\tb"}\n');
  expect(JSON.parse(out)).toEqual({ name });
  expect(error).toBe('a\\u001b[31m\\u202e\\udb40\\udc01\\ud800 ä 🙂\tb\n');
});

test('an unknown option stops before any work', async () => {
  const result = await run(() => Promise.reject(new Error('ran')), '--sed', '3');
  expect(result.code).toBe(2);
  expect(result.error).toBe("error: unknown option '--sed' (Did you mean --seed?); `test --help` lists the options\n");
});

test('an error of ours is one line without a stack', async () => {
  const result = await run(() => Promise.reject(new DataError('photos', 'no such file or folder')));
  expect(result).toEqual({ code: 1, out: '', error: 'error: photos: no such file or folder\n' });
});

test('a message of several lines becomes one', async () => {
  const result = await run(() => Promise.reject(new FlowmapError('one\n  two')));
  expect(result.error).toBe('error: one two\n');
});

test('a defect is thrown on, so that its stack is seen', async () => {
  await expect(run(() => Promise.reject(new TypeError('defect')))).rejects.toThrow('defect');
});

test('Ctrl-C lets the work save, then says how to resume', async () => {
  const before = process.listeners('SIGINT');
  let saved = false;
  const result = await run((_, { signal }) => {
    process.emit('SIGINT', 'SIGINT');
    saved = signal.aborted;
    return Promise.reject(signal.reason as Error);
  });
  expect(saved).toBe(true);
  expect(result.code).toBe(130);
  expect(result.error).toContain('Run the same command again to resume');
  expect(process.listeners('SIGINT').filter((listener) => !before.includes(listener))).toEqual([]);
});

test('one Ctrl-C that comes twice, from the terminal and from npm, is one', async () => {
  const result = await run((_, { signal }) => {
    process.emit('SIGINT', 'SIGINT');
    process.emit('SIGINT', 'SIGINT');
    return Promise.reject(signal.reason as Error);
  });
  expect(result.code).toBe(130);
});

test('work that was done already is finished', async () => {
  const result = await run(() => {
    process.emit('SIGINT', 'SIGINT');
    return Promise.resolve();
  });
  expect(result.code).toBe(0);
  expect(result.error).not.toContain('again to resume');
});

test('an error while saving after Ctrl-C is reported as such', async () => {
  const result = await run(() => {
    process.emit('SIGINT', 'SIGINT');
    return Promise.reject(new DataError('disk', 'full'));
  });
  expect(result.code).toBe(1);
  expect(result.error).toContain('error: disk: full');
});
