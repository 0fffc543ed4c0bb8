import { withPrefix } from '@flowmap/core';

/** The entries of both records, with a prefix to the names of each: `strong.input.weight`. */
export function both<T>(strong: Readonly<Record<string, T>>, weak: Readonly<Record<string, T>>): Record<string, T> {
  return { ...withPrefix('strong', strong), ...withPrefix('weak', weak) };
}
