import { describe, expect, it } from 'vitest';
import { parseOptions, usage, UsageError } from './options.js';

describe('options of the GPU benchmark', () => {
  it('are filled in', () => {
    const defaults = {
      python: 'python3',
      out: 'gpu-results',
      rounds: 20,
      batchSize: 256,
      stepsPerRun: 1,
      small: false,
    };
    expect(parseOptions([])).toEqual(defaults);
    expect(parseOptions(['--small'])).toEqual({ ...defaults, small: true, batchSize: 4 });
    expect(parseOptions(['--small', '--batch', '8', '--steps-per-run=2', '--rounds', '3'])).toEqual({
      ...defaults,
      small: true,
      batchSize: 8,
      stepsPerRun: 2,
      rounds: 3,
    });
  });

  it('ask for help', () => {
    expect(parseOptions(['--help'])).toBe('help');
    for (const option of ['--python', '--out', '--rounds', '--batch', '--steps-per-run', '--small', '--help']) {
      expect(usage).toContain(option);
    }
  });

  it.each([
    [['--smal'], "Unknown option '--smal'; --help lists the options"],
    [['more'], "Unexpected argument 'more'; --help lists the options"],
    [['--batch', 'many'], "--batch: wanted a whole number of at least 1, got 'many'; --help lists the options"],
    [['--rounds', '0'], "--rounds: wanted a whole number of at least 1, got '0'; --help lists the options"],
    [['--steps-per-run', ''], "--steps-per-run: wanted a whole number of at least 1, got ''; --help lists the options"],
    [['--rounds', '1.5'], "--rounds: wanted a whole number of at least 1, got '1.5'; --help lists the options"],
  ])('%j are refused', (args, message) => {
    expect(() => parseOptions(args)).toThrow(new UsageError(message.replace('; --help lists the options', '')));
  });
});
