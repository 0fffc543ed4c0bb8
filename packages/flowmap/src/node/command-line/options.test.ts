import { describe, expect, test } from 'vitest';
import { parseOptions } from './command.js';
import {
  choice,
  choices,
  flag,
  names,
  pathArgument,
  pathOr,
  positive,
  positives,
  requiredPath,
  side,
  sidesOf,
  whole,
  wholes,
  words,
} from './options.js';

const options = {
  data: requiredPath('folder', 'DIR'),
  batchSize: whole('samples of one step', 32),
  seed: whole('seed', 0, 0),
  size: whole('side', null),
  learningRate: positive('peak', 5e-4),
  channels: wholes('channels', [32, 64]),
  scales: positives('scales', [1.5, 2]),
  out: pathOr('results', 'DIR', 'out/test'),
  teacher: pathOr('checkpoint', 'FILE', null),
  flip: flag('mirror'),
  device: choice('where', ['cpu', 'webgpu'], 'cpu'),
  metrics: choices('what', ['a', 'b'], ['a']),
  class: words('which', 'NAME', null),
};

function parse(...args: string[]): { config?: unknown; out: string; error: string; code?: number } {
  const shown = { out: '', error: '' };
  const output = {
    out: (text: string): void => void (shown.out += text),
    error: (text: string): void => void (shown.error += text),
  };
  try {
    return {
      config: parseOptions({ name: 'test', description: 'A test.', options, run: noWork }, args, output),
      ...shown,
    };
  } catch (error) {
    return { ...shown, code: (error as { exitCode: number }).exitCode };
  }
}

const noWork = (): Promise<void> => Promise.resolve();

test('defaults fill what is not given', () => {
  expect(parse('--data', 'photos').config).toEqual({
    data: 'photos',
    batchSize: 32,
    seed: 0,
    size: null,
    learningRate: 5e-4,
    channels: [32, 64],
    scales: [1.5, 2],
    out: 'out/test',
    teacher: null,
    flip: false,
    device: 'cpu',
    metrics: ['a'],
    class: null,
  });
});

test('arguments are known by their places', () => {
  const spec = {
    name: 'test',
    description: 'A test.',
    options: { from: pathArgument('source'), ...options, toPath: pathArgument('destination') },
    run: noWork,
  };
  const { from, toPath, seed } = parseOptions(spec, ['a', '--data', 'd', 'b', '--seed', '3']);
  expect([from, toPath, seed]).toEqual(['a', 'b', 3]);
  const shown: string[] = [];
  const output = { out: (text: string) => void shown.push(text), error: (text: string) => void shown.push(text) };
  expect(() => parseOptions(spec, ['a', '--data', 'd'], output)).toThrow();
  expect(shown.join('')).toBe("error: missing required argument 'to-path'; `test --help` lists the options\n");
});

test('options are written in kebab case, with a space or an equals sign', () => {
  const { config } = parse(
    '--data=d',
    '--batch-size',
    '8',
    '--size=24',
    '--learning-rate',
    '1e-3',
    '--channels=8,16,16',
    '--flip',
    '--device=webgpu',
    '--metrics=b,a',
  );
  expect(config).toMatchObject({
    batchSize: 8,
    size: 24,
    learningRate: 1e-3,
    channels: [8, 16, 16],
    flip: true,
    device: 'webgpu',
    metrics: ['b', 'a'],
  });
});

test('a path that is not UTF-8, which Node reads as another, is refused as such', () => {
  const { error, code } = parse('--data', 'phot\ufffds');
  expect(error).toContain('Wanted a path in UTF-8;');
  expect(code).not.toBe(0);
});

test('help names every option with its default', () => {
  const { out, code } = parse('--help');
  expect(code).toBe(0);
  for (const text of [
    '--batch-size <N>',
    '(default: 32)',
    '--channels <N,N,…>',
    '--scales <X,X,…>',
    '(default: 32,64)',
    '--flip',
    '--data <DIR>',
  ]) {
    expect(out).toContain(text);
  }
});

describe('what is refused, in one line', () => {
  const data = ['--data', 'd'];
  test.each([
    ['an unknown option', [...data, '--iteration', '3'], "unknown option '--iteration'"],
    ['an argument without an option', [...data, 'photos'], 'too many arguments'],
    ['a missing option', [], "required option '--data <DIR>' not specified"],
    ['a missing value', [...data, '--seed'], "option '--seed <N>' argument missing"],
    ['a fraction', [...data, '--batch-size', '2.5'], 'Wanted a whole number of at least 1;'],
    ['nothing', [...data, '--batch-size', ''], 'Wanted a whole number of at least 1;'],
    ['zero where one is least', [...data, '--size', '0'], 'Wanted a whole number of at least 1;'],
    ['a negative number', [...data, '--seed', '-1'], 'Wanted a whole number of at least 0;'],
    ['a learning rate of zero', [...data, '--learning-rate', '0'], 'Wanted a positive number;'],
    ['words for a number', [...data, '--learning-rate', 'fast'], 'Wanted a positive number;'],
    ['an infinite number', [...data, '--learning-rate', '1e999'], 'Wanted a positive number;'],
    ['a scale of 0', [...data, '--scales', '2,0'], 'Wanted positive numbers separated by commas'],
    ['a list with a hole', [...data, '--channels', '32,,64'], 'Wanted whole numbers of at least 1 separated by commas'],
    ['a word that is not among them', [...data, '--device', 'tpu'], 'Wanted one of cpu, webgpu;'],
    ['a list with a word that is not among them', [...data, '--metrics', 'a,c'], 'Wanted some of a, b'],
    ['an empty path', ['--data', ''], 'Wanted a path;'],
  ])('%s', (_, args, message) => {
    const { error, code } = parse(...args);
    expect(code).toBe(1);
    expect(error).toContain(message);
    expect(error).toMatch(/^error: [^\n]+; `test --help` lists the options\n$/);
  });
});

test('a side is one number or a height and a width', () => {
  const { schema } = side('side', null);
  expect(schema.parse('32')).toBe(32);
  expect(schema.parse('32x32')).toBe(32);
  expect(sidesOf(32)).toEqual([32, 32]);
  expect(schema.parse('24x32')).toEqual([24, 32]);
  expect(sidesOf([24, 32])).toEqual([24, 32]);
  for (const text of ['', '0', 'x', '24x', '24x0', '24x32x3', '24 x 32', '1e3']) {
    expect(schema.safeParse(text).error?.issues[0]?.message).toMatch(
      /^Wanted a whole number of at least 1, or a height/,
    );
  }
});

test('names are separated by commas, and none is empty', () => {
  const { schema } = names('folders', 'NAME,…', null);
  expect(schema.parse('cats,big dogs')).toEqual(['cats', 'big dogs']);
  for (const text of ['', 'cats,', ',']) expect(schema.safeParse(text).success).toBe(false);
});
