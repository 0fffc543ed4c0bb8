import { FlowmapError } from '@flowmap/core';
import { surviveClosedPipe, type ProgressDisplay } from '@flowmap/train/node';
import { Command, CommanderError } from 'commander';
import { withInterrupt } from './interrupt.js';
import { toCommander, type Config, type OptionTable } from './options.js';

/** A command-line program. */
export interface CommandSpec<Table extends OptionTable> {
  /** What the user types to start it. */
  readonly name: string;
  readonly description: string;
  readonly options: Table;
  readonly run: (config: Config<Table>, context: CommandContext) => Promise<unknown>;
}

/** How a command talks to the user, and how it is stopped. */
export interface CommandContext {
  /**
   * Fires on Ctrl-C, SIGTERM and SIGHUP: the command should then save what a rerun needs and reject with the signal's
   * reason.
   */
  readonly signal: AbortSignal;
  /** Shows a line of text. */
  readonly print: (line: string) => void;
  /** How training shows its progress; `auto` unless given. */
  readonly progress?: ProgressDisplay;
}

/** Where a command writes: the terminal, or a test's memory. */
export interface CommandOutput {
  out(text: string): void;
  error(text: string): void;
}

const terminal: CommandOutput = {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
};

/**
 * Reads the options, runs the command and turns the outcome into an exit code.
 *
 * Wrong options and Flowmap's own errors become one line on standard error. The first Ctrl-C, SIGTERM or SIGHUP lets
 * the command save and stop; another one ends the process at once. If nobody reads its output any more, as after
 * `| head`, it goes on.
 *
 * @param args the command line after the program's name
 * @returns 0 when done, 1 after an error, 128 plus the signal's number (Ctrl-C: 130) when it was interrupted
 * @throws any error that is not Flowmap's: a defect, whose stack trace matters
 */
export async function runCommand<Table extends OptionTable>(
  spec: CommandSpec<Table>,
  args: readonly string[],
  output: CommandOutput = terminal,
): Promise<number> {
  const ends = output === terminal ? [process.stdout, process.stderr].map(surviveClosedPipe) : [];
  try {
    const config = parseOptions(spec, args, output);
    return await withInterrupt(
      (signal) => spec.run(config, { signal, print: (line) => output.out(`${line}\n`) }),
      output,
    );
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (!(error instanceof FlowmapError)) throw error;
    output.error(`error: ${error.message}\n`);
    return 1;
  } finally {
    for (const end of ends) end();
  }
}

/**
 * The values of the options, with defaults filled in.
 *
 * @throws {CommanderError} after `--help`, and for an unknown, missing or malformed option; the message has already
 *   been written by then
 */
export function parseOptions<Table extends OptionTable>(
  { name, description, options }: CommandSpec<Table>,
  args: readonly string[],
  output: CommandOutput = terminal,
): Config<Table> {
  const command = new Command(name)
    .description(description)
    .exitOverride()
    .configureOutput({ writeOut: (text) => output.out(text), writeErr: (text) => output.error(text) })
    .configureHelp({ helpWidth: 120 });
  for (const [key, spec] of Object.entries(options)) command.addOption(toCommander(key, spec));
  command.parse(args, { from: 'user' });
  const given = command.opts();
  const values = Object.keys(options).map((key) => [key, given[key] ?? null] as const);
  return Object.fromEntries(values) as unknown as Config<Table>;
}
