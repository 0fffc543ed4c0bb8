import { parseArgs } from 'node:util';
import { FlowmapError } from '@flowmap/tensor';

/** Options of the GPU benchmark. */
export interface GpuOptions {
  /** The Python interpreter in which to look for PyTorch. */
  readonly python: string;
  /** Folder for the results. */
  readonly out: string;
  /** Steps to time of each kind. */
  readonly rounds: number;
  /** Samples per step. */
  readonly batchSize: number;
  readonly stepsPerRun: number;
  /** True takes small networks and products: to try the set-up. */
  readonly small: boolean;
}

/** A command line that the benchmark does not understand. */
export class UsageError extends FlowmapError {
  constructor(readonly problem: string) {
    super(`${problem}; --help lists the options`);
  }
}

const SMALL_BATCH = 4;

export const usage = `usage: bench-gpu [options]

Times the AYF-EMD training step of a DiT and a UNet on this machine's GPU, through WebGPU, and through
PyTorch (float32, TF32, bfloat16) where the Python has it with CUDA; prints tables, and writes them as
gpu.md and gpu.json.

  --python FILE      the Python to look for PyTorch in; python3 unless given
  --out DIR          folder for the results; gpu-results unless given
  --rounds N         steps timed of each; 20 unless given
  --batch N          samples of one step; 256 unless given, ${SMALL_BATCH} with --small
  --steps-per-run N  steps in one call of Flowmap's runtime; 1 unless given
  --small            small networks: to try the set-up, its figures say nothing about speed
  --help             this text`;

/**
 * The options of a command line with defaults filled in; `'help'` if it asks for help.
 *
 * @throws {UsageError} for an option that is unknown or has a wrong value
 */
export function parseOptions(args: readonly string[]): GpuOptions | 'help' {
  const given = readOptions(args);
  if (given.help) return 'help';
  const options: GpuOptions = {
    python: given.python,
    out: given.out,
    small: given.small,
    rounds: whole('--rounds', given.rounds),
    batchSize: whole('--batch', given.batch ?? (given.small ? String(SMALL_BATCH) : '256')),
    stepsPerRun: whole('--steps-per-run', given['steps-per-run']),
  };
  return options;
}

function readOptions(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        python: { type: 'string', default: 'python3' },
        out: { type: 'string', default: 'gpu-results' },
        rounds: { type: 'string', default: '20' },
        batch: { type: 'string' },
        'steps-per-run': { type: 'string', default: '1' },
        small: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    // parseArgs' error for a wrong command line; a mistake in the table above has another code.
    const isUsage = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');
    if (!isUsage) throw error;
    throw new UsageError(error.message.split('. ', 1)[0]!);
  }
}

function whole(option: string, text: string): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1) {
    throw new UsageError(`${option}: wanted a whole number of at least 1, got '${text}'`);
  }
  return Number(text);
}
