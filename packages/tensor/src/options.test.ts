import { expect, test } from 'vitest';
import { ConfigError } from './errors.js';
import { inWords, requireKnownOptions, requireMember, requireRuntime } from './options.js';

const known = { learningRate: true, batchSize: true, seed: true } as const;
type Options = Partial<Record<keyof typeof known, number>>;

test.each([
  [{ lr: 1 }, 'f.lr: is no option; did you mean learningRate?'],
  [{ batchsize: 1 }, 'f.batchsize: is no option; did you mean batchSize?'],
  [{ sed: 1 }, 'f.sed: is no option; did you mean seed?'],
  [{ colour: 1 }, 'f.colour: is no option; there are: learningRate, batchSize, seed'],
  [{ toString: 1 }, 'f.toString: is no option'],
  [undefined, 'f: wanted its options as an object, got nothing'],
  [7, 'f: wanted its options as an object, got 7'],
  [['seed'], 'f: wanted its options as an object, got ["seed"]'],
])('%o is refused', (options, message) => {
  const failing = (): void => requireKnownOptions('f', options as Options, known);
  expect(failing).toThrow(ConfigError);
  expect(failing).toThrow(message);
});

test('known names pass, unknown ones that are undefined too, and the caller may be left out', () => {
  requireKnownOptions('f', { seed: 1, sed: undefined } as Options, known);
  expect(() => requireKnownOptions('', { sed: 1 } as Options, known)).toThrow(/^sed: is no option/);
});

test.each([
  [Promise.resolve(), 'a promise; await it'],
  [requireMember, 'the function requireMember; call it'],
  [{}, 'an object of another kind'],
  [null, 'null'],
  ['text', '"text"'],
])('%o is told as %s', (value, words) => {
  expect(inWords(value)).toBe(words);
  expect(() => requireRuntime('runtime', value)).toThrow(
    `wanted a runtime, such as \`await onnxRuntime()\`; got ${words}`,
  );
});
