import { quoted } from '@flowmap/tensor';
import { expect, test } from 'vitest';
import { CheckpointError, ConfigError, DataError, WriteError } from './errors.js';

const hostile = 'a\n\u001b[31m\u009b\u200b\u202eb\ud800\u2028.png';

test('the name of a file stays on one line, with unprintable characters escaped', () => {
  const shown = 'a\\n\\u{1b}[31m\\u{9b}\\u{200b}\\u{202e}b\\u{d800}\\u{2028}.png: is bad';
  expect(new DataError(hostile, 'is bad').message).toBe(shown);
  expect(new CheckpointError(hostile, 'is bad').message).toBe(shown);
  expect(new WriteError(hostile, 'is bad').message).toBe(shown);
  expect(new DataError(hostile, 'is bad').path).toBe(hostile);
});

test('letters of all scripts stay as they are', () => {
  expect(new DataError('Ünï/写真/💡 ñ.png', 'x').message).toBe('Ünï/写真/💡 ñ.png: x');
  expect(new ConfigError('size', 'wanted\n\ttwo lines').message).toBe('size: wanted\n\ttwo lines');
});

test('the content of a file is quoted, and cut between characters', () => {
  expect(quoted('a"\n')).toBe('"a\\"\\n"');
  expect(quoted(`${'x'.repeat(78)}💡💡`)).toBe(`"${'x'.repeat(78)}…`);
  expect([quoted(undefined), quoted(NaN), quoted(-0.5), quoted(null), quoted([1, 'a'])]).toEqual(
    ['nothing', 'NaN', '-0.5', 'null', '[1,"a"]'], // prettier-ignore
  );
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  expect(quoted(circular)).toBe('an object that is not JSON');
});
