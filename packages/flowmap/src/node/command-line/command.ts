import { Command, CommanderError } from 'commander';
import { withInterrupt } from './interrupt.js';
import { toCommanderArgument, toCommanderOption, type Config, type OptionTable } from './options.js';
import { visible } from './visible.js';
import type { ProgressDisplay } from '@flowmap/train/node';

/** A command-line program. */
export interface CommandSpec<Table extends OptionTable> {
  /** What the user types to start it. */
  readonly name: string;
  readonly description: string;
  /** Its options, and its arguments in their order. */
  readonly options: Table;
  readonly run: (config: Config<Table>, context: CommandContext) => Promise<unknown>;
  /** Whether the command continues where it stopped when it is run again; true unless given. */
  readonly resumes?: boolean;
}

/** How a command talks to the user, and how it is stopped. */
export interface CommandContext {
  /**
   * Fires on Ctrl-C, SIGTERM and SIGHUP: the command should then save what a rerun needs and reject with the signal's
   * reason.
   */
  readonly signal: AbortSignal;
  /** Shows a line of text on standard output. */
  readonly print: (line: string) => void;
  /** Shows a line of text on standard error, beside the results; dropped unless given. */
  readonly note?: (line: string) => void;
  /** How work that takes long shows its progress; `auto` unless given. */
  readonly progress?: ProgressDisplay;
}

/** Where a command writes text: the terminal, or a test's memory. */
export interface CommandOutput {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
}

/** Standard output and standard error. */
export const terminal: CommandOutput = {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
};

/**
 * Reads the options, runs the command and turns the outcome into an exit code.
 *
 * A wrong command line and Flowmap's own errors become one line on standard error. The first Ctrl-C, SIGTERM or SIGHUP
 * lets the command save and stop; another one ends the process at once. If nobody reads its output any more, as after
 * `| head`, it continues.
 *
 * @param args the command line after the program's name
 * @param output where it writes; the terminal unless given, and elsewhere no progress is shown
 * @returns 0 when done, 1 after an error, 2 for a command line that it does not understand, 128 plus the signal's number
 *   (Ctrl-C: 130) when it was interrupted
 * @throws any error that is not Flowmap's: a defect, whose stack trace matters
 */
export async function runCommand<Table extends OptionTable>(
  spec: CommandSpec<Table>,
  args: readonly string[],
  output: CommandOutput = terminal,
): Promise<number> {
  let config: Config<Table>;
  try {
    config = parseOptions(spec, args, output);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : 2;
  }
  const { surviveClosedPipe } = await import('@flowmap/train/node');
  const ends = output === terminal ? [process.stdout, process.stderr].map(surviveClosedPipe) : [];
  const talk = {
    print: (line: string) => output.out(`${visible(line)}\n`),
    note: (line: string) => output.error(`${visible(line)}\n`),
    ...(output === terminal ? {} : { progress: 'none' as const }),
  };
  try {
    return await withInterrupt((signal) => spec.run(config, { signal, ...talk }), output, spec.resumes);
  } catch (error) {
    const { FlowmapError } = await import('@flowmap/core');
    if (!(error instanceof FlowmapError)) throw error;
    output.error(`error: ${inOneLine(error.message)}\n`);
    return 1;
  } finally {
    for (const end of ends) end();
  }
}

/**
 * The values of options and arguments, with defaults filled in.
 *
 * @throws {CommanderError} after `--help`, and for an unknown, missing or malformed option or argument; the message has
 *   already been written by then
 */
export function parseOptions<Table extends OptionTable>(
  { name, description, options }: CommandSpec<Table>,
  args: readonly string[],
  output: CommandOutput = terminal,
): Config<Table> {
  const command = new Command(name)
    .description(description)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.out(text),
      writeErr: (text) => output.error(text),
      outputError: (text, write) =>
        write(`${inOneLine(text).replace(/\.$/, '')}; \`${name} --help\` lists the options\n`),
    })
    .configureHelp({ helpWidth: 120 });
  const entries = Object.entries(options);
  const positional = entries.filter(([, spec]) => spec.isArgument);
  for (const [key, spec] of entries) {
    if (spec.isArgument) command.addArgument(toCommanderArgument(key, spec));
    else command.addOption(toCommanderOption(key, spec));
  }
  command.parse(args, { from: 'user' });
  const given: Record<string, unknown> = command.opts();
  positional.forEach(([key], place) => {
    given[key] = command.processedArgs[place] as unknown;
  });
  return Object.fromEntries(entries.map(([key]) => [key, given[key] ?? null])) as unknown as Config<Table>;
}

/** A message without line feeds, since readers of the output treat each line as a whole message. */
function inOneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, ' ');
}
