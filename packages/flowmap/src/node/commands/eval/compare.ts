import { flag, pathArgument, type Config } from '../../command-line/options.js';
import { answering, type Answer, type Talk } from '../command.js';
import { readResults } from './results.js';

const COMPARE_OPTIONS = {
  first: pathArgument('results of `flowmap eval metrics --out`'),
  second: pathArgument('other results'),
  force: flag('compare values that were measured in different ways, too'),
};

/** `flowmap eval compare`: differences between values that were measured in the same way. */
export const compareResults = answering({
  name: 'flowmap eval compare',
  description: 'Subtracts the values of one evaluation from those of another that was measured in the same way.',
  options: COMPARE_OPTIONS,
  resumes: false,
  run: compareFiles,
});

async function compareFiles({ first, second, force }: Config<typeof COMPARE_OPTIONS>, talk: Talk): Promise<Answer> {
  const { ConfigError } = await import('@flowmap/core');
  const { compare } = await import('@flowmap/eval');
  const [a, b] = [await readResults(first), await readResults(second)];
  const names = Object.keys(a).filter((name) => Object.hasOwn(b, name));
  if (names.length === 0) {
    const [there, here] = [a, b].map((values) => Object.keys(values).join(', '));
    throw new ConfigError('compare', `the files have no metric in common: ${there} and ${here}; measure the same`);
  }
  const differences = names.map((name) => [name, compareTwo(name)] as const);
  const width = Math.max(...names.map((name) => name.length));
  for (const [name, { difference, fields }] of differences) {
    const forced = fields.length === 0 ? '' : `  measured differently: ${fields.join(', ')}`;
    const values = `${a[name]!.value.toPrecision(6)} - ${b[name]!.value.toPrecision(6)}`;
    talk.print(`${name.padEnd(width)}  ${values} = ${difference.toPrecision(6)}${forced}`);
  }
  return { differences: Object.fromEntries(differences) };

  function compareTwo(name: string): ReturnType<typeof compare> {
    return compare(a[name]!, b[name]!, { force });
  }
}
