import { readFileSync } from 'node:fs';
import { CheckpointError, ConfigError } from '@flowmap/core';
import { describe, expect, test } from 'vitest';
import goldens from '../__fixtures__/clip-tokens.json' with { type: 'json' };
import { clipTokenizer } from './clip-tokenizer.js';

const merges = readFileSync(new URL('../__fixtures__/clip-merges.txt', import.meta.url), 'utf8');

test('tokens are those of transformers', () => {
  const { shape, dtype, data } = clipTokenizer(merges)(goldens.cases.map(({ text }) => text));
  expect([shape, dtype]).toEqual([[goldens.cases.length, 77], 'int32']);
  for (const [i, { text, tokens }] of goldens.cases.entries()) {
    expect([...data.subarray(77 * i, 77 * (i + 1))], JSON.stringify(text)).toEqual(tokens);
  }
});

test('long words are cut off, and no texts are refused', () => {
  const tokenize = clipTokenizer(merges);
  expect(tokenize(['photo'.repeat(5000)]).data[76]).toBe(tokenize(['']).data[1]);
  expect(() => tokenize([])).toThrow(ConfigError);
});

describe('refused are merges', () => {
  test.each([
    ['of one part', 'h i\nphoto', 'line 3'],
    ['of three parts', 'h i x', 'line 2'],
    ['of a part that is not there', 'h i\nho t', 'line 3'],
    ['that are no text of merges', '\0\u0001\n\u0002', 'line 2'],
  ])('%s', (_, lines, message) => {
    const refused = (): unknown => clipTokenizer(`#version: 0.2\n${lines}\n`);
    expect(refused).toThrow(CheckpointError);
    expect(refused).toThrow(`merges of clip: ${message}`);
  });
});
