import { ConfigError } from '@flowmap/core';
import type { OptionTable } from 'flowmap/node';

/**
 * Checks that options which nothing would read were left at their defaults: others would be thought to have an effect.
 *
 * @param config values by name
 * @param table the command's options, for their defaults
 * @param names those that are not read
 * @param why the other option that is the reason, such as `with --teacher`
 * @throws {ConfigError} that names the first one with another value
 */
export function requireUnread(
  config: Readonly<Record<string, unknown>>,
  table: OptionTable,
  names: readonly string[],
  why: string,
): void {
  const changed = names.find((name) => JSON.stringify(config[name]) !== JSON.stringify(table[name]!.fallback));
  if (changed === undefined) return;
  const written = changed.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new ConfigError(`--${written}`, `has no effect ${why}`);
}
