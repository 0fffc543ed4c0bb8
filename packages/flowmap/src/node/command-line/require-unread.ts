import { optionName, type OptionTable } from './options.js';

/**
 * Checks that options which nothing would read were left at their defaults: the user would expect them to have an
 * effect.
 *
 * @param config values by name
 * @param table the command's options, for their defaults
 * @param names those that are not read
 * @param why what they have no effect on, or with, such as `with --teacher`
 * @throws {ConfigError} that names the first one with another value
 */
export async function requireUnread(
  config: Readonly<Record<string, unknown>>,
  table: OptionTable,
  names: readonly string[],
  why: string,
): Promise<void> {
  const changed = names.find((name) => JSON.stringify(config[name]) !== JSON.stringify(table[name]!.fallback));
  if (changed === undefined) return;
  const { ConfigError } = await import('@flowmap/core');
  throw new ConfigError(optionName(changed), `has no effect ${why}`);
}
