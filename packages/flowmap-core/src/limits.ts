import { ConfigError } from './errors.js';

/**
 * How much a file may ask for before it is refused, so that a small or damaged one cannot take all time or memory. Raise a
 * limit for a file that you trust; `Infinity` takes it away.
 */
export interface ReadLimits {
  /** Bytes of JSON in a file: the header of a safetensors file, the whole of a run's `config.json`; 4 MiB unless given. */
  readonly maxHeaderBytes?: number;
  /** Lists and objects around a value in JSON; 64 unless given. */
  readonly maxNesting?: number;
  /** Tensors of a file, and texts of its metadata; 16,384 unless given. */
  readonly maxTensors?: number;
  /** Blocks of a network that a file describes; 1,024 unless given. */
  readonly maxBlocks?: number;
  /**
   * Values of the largest layer of a network that a file describes, for one sample, the scores of attention included (heads times
   * tokens squared); 2^26 unless given.
   */
  readonly maxActivation?: number;
}

const DEFAULTS: Required<ReadLimits> = {
  maxHeaderBytes: 2 ** 22,
  maxNesting: 64,
  maxTensors: 2 ** 14,
  maxBlocks: 1024,
  maxActivation: 2 ** 26,
};

/**
 * The limits given, and the defaults of the others.
 *
 * @throws {ConfigError} for a limit that is not a number >= 1
 */
export function withDefaults(limits: ReadLimits): Required<ReadLimits> {
  for (const [option, value] of Object.entries(limits)) {
    if (!(value >= 1)) throw new ConfigError(option, `wanted a number >= 1, got ${value}`);
  }
  return { ...DEFAULTS, ...limits };
}
