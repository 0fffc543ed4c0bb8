const QUOTED_LENGTH = 80;

/** Untrusted content for an error message: escaped, and truncated when long. */
export function quoted(value: unknown): string {
  return cut(textOf(value), QUOTED_LENGTH);
}

/** Text of at most `length` UTF-16 units, with `…` at the end if it was truncated. */
export function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length).replace(/[\uD800-\uDBFF]$/, '')}…` : text;
}

function textOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  try {
    return JSON.stringify(value);
  } catch {
    return 'an object that is not JSON'; // a cyclic object: an option, not a file's content
  }
}
