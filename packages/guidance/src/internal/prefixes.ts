import { withPrefix } from '@flowmap/core';

/** Entries of both records, the names of each behind its own prefix: `strong.input.weight`. */
export function both<T>(strong: Readonly<Record<string, T>>, weak: Readonly<Record<string, T>>): Record<string, T> {
  return { ...withPrefix('strong', strong), ...withPrefix('weak', weak) };
}
