import { requireKnownOptions } from '@flowmap/tensor';
import { ConfigError } from './errors.js';

/**
 * How much a file may ask for before it is refused, so that a small or damaged file cannot exhaust time or memory.
 * Raise a limit for a file that you trust; `Infinity` removes it.
 */
export interface ReadLimits {
  /** Bytes of JSON in a file: the header of a safetensors file, or all of a run's `config.json`; 4 MiB unless given. */
  readonly maxHeaderBytes?: number;
  /** Nested lists and objects around a value in JSON; 64 unless given. */
  readonly maxNesting?: number;
  /** Tensors in a file, and entries of its metadata; 16,384 unless given. */
  readonly maxTensors?: number;
  /** Blocks in a network that a file describes; 1,024 unless given. */
  readonly maxBlocks?: number;
  /**
   * Values in the largest layer of a network that a file describes, for one sample and including attention scores
   * (heads times tokens squared); 2^26 unless given.
   */
  readonly maxActivation?: number;
}

/** How a file is read. */
export interface ReadOptions extends ReadLimits {
  /**
   * Whether the checksums in a file are compared; true unless given. With false, a file can be read even if another
   * program changed its tensors but kept its metadata.
   */
  readonly verify?: boolean;
}

const DEFAULTS: Required<ReadLimits> = {
  maxHeaderBytes: 2 ** 22,
  maxNesting: 64,
  maxTensors: 2 ** 14,
  maxBlocks: 1024,
  maxActivation: 2 ** 26,
};

/**
 * The given limits, with defaults for the others.
 *
 * @throws {ConfigError} for an unknown limit, or one that is not a number >= 1
 */
export function withDefaults(limits: ReadLimits): Required<ReadLimits> {
  requireKnownOptions<ReadOptions>('', limits, {
    maxHeaderBytes: true,
    maxNesting: true,
    maxTensors: true,
    maxBlocks: true,
    maxActivation: true,
    verify: true,
  });
  for (const [option, value] of Object.entries(limits)) {
    if (Object.hasOwn(DEFAULTS, option) && !(value >= 1))
      throw new ConfigError(option, `wanted a number >= 1, got ${value}`);
  }
  return { ...DEFAULTS, ...limits };
}
