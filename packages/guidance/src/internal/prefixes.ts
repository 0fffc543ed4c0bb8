/** Entries of both records, the names of each behind its own prefix: `strong.input.weight`. */
export function both<T>(strong: Readonly<Record<string, T>>, weak: Readonly<Record<string, T>>): Record<string, T> {
  return { ...prefixed('strong', strong), ...prefixed('weak', weak) };
}

/** The entries that {@link both} put behind a prefix, under their own names. */
export function part<T>(prefix: 'strong' | 'weak', record: Readonly<Record<string, T>>): Record<string, T> {
  const start = `${prefix}.`;
  const own = Object.entries(record).filter(([name]) => name.startsWith(start));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(start.length), value]));
}

function prefixed<T>(prefix: string, record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [`${prefix}.${name}`, value]));
}
