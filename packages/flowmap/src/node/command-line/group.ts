import { terminal, type CommandOutput } from './command.js';

/** A program: runs with the command line after its name, and gives its exit code. */
export type Program = (args: readonly string[], output?: CommandOutput) => Promise<number>;

/** One of the commands of a group. */
export interface GroupEntry {
  /** What it does, in a few words. */
  readonly summary: string;
  /** Loads it when it is first needed. */
  readonly load: () => Promise<Program>;
}

/** Commands under one name. */
export interface GroupSpec {
  /** What the user types before the name of a command. */
  readonly name: string;
  readonly description: string;
  readonly commands: Readonly<Record<string, GroupEntry>>;
  /** What `--version` answers; no such option unless given. */
  readonly version?: () => string;
}

/**
 * A program that hands the rest of its command line to one of its commands: `flowmap sample …`.
 *
 * @returns a program with the exit code of the command; 0 after `--help`, 2 for a command that does not exist, or none
 */
export function group(spec: GroupSpec): Program {
  const { name, commands, version } = spec;
  return async (args, output = terminal) => {
    const { out, error } = output;
    const [first, ...rest] = args[0] === 'help' ? [...args.slice(1), '--help'] : args;
    if (first === '--version' && version !== undefined) {
      out(`${version()}\n`);
      return 0;
    }
    if (first === undefined || first === '--help' || first === '-h') {
      out(helpOf(spec));
      return first === undefined ? 2 : 0;
    }
    if (Object.hasOwn(commands, first)) return (await commands[first]!.load())(rest, output);
    const known = Object.keys(commands).join(', ');
    error(`error: unknown command '${first}' of ${name}; it has ${known}: \`${name} --help\` lists them\n`);
    return 2;
  };
}

function helpOf({ name, description, commands, version }: GroupSpec): string {
  const rows = Object.entries(commands).map(([command, { summary }]) => [command, summary] as const);
  const width = Math.max(...rows.map(([command]) => command.length));
  return [
    `Usage: ${name} <command> [options]`,
    '',
    description,
    '',
    'Commands:',
    ...rows.map(([command, summary]) => `  ${command.padEnd(width)}  ${summary}`),
    '',
    `\`${name} <command> --help\` lists the options of a command${version === undefined ? '' : ', `--version` shows the version'}.`,
    '',
  ].join('\n');
}
