import { runCommand, type CommandContext } from '../command-line/command.js';
import type { Program } from '../command-line/group.js';
import { flag, type Config, type OptionTable } from '../command-line/options.js';

/** A value that JSON can hold. */
export type Answer = Readonly<Record<string, unknown>>;

/** One of the commands of `flowmap`. */
interface AnsweringCommand<Table extends OptionTable> {
  readonly name: string;
  readonly description: string;
  readonly options: Table;
  /** Whether it continues where it stopped when it is run again. */
  readonly resumes: boolean;
  /** Does the work, shows its results as text, and returns them as values for `--json`. */
  readonly run: (config: Config<Table>, context: Talk) => Promise<Answer>;
}

/** How a command of `flowmap` communicates. */
export type Talk = CommandContext & { readonly note: (line: string) => void };

/**
 * A command with the option `--json`: with it, standard output is one line, the answer as a JSON object, and text goes
 * to standard error.
 */
export function answering<Table extends OptionTable>({ options, run, ...spec }: AnsweringCommand<Table>): Program {
  const table = { ...options, json: flag('show the result as one JSON object, the last line of standard output') };
  return (args, output) =>
    runCommand(
      {
        ...spec,
        options: table,
        run: async ({ json, ...config }, { note = () => undefined, ...context }) => {
          const print = json === true ? note : context.print;
          const answer = await run(config as Config<Table>, { ...context, note, print });
          if (json === true) context.print(JSON.stringify(answer));
        },
      },
      args,
      output,
    );
}
