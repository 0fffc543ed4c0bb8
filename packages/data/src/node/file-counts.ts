import { extname } from 'node:path';

/** Numbers of files by extension, in lower case with the dot, `''` for none; the most frequent first. */
export type FileCounts = Readonly<Record<string, number>>;

/** The most extensions listed in a message. */
const SHOWN = 5;

/** Counts file names by extension. */
export function countFiles(names: Iterable<string>): FileCounts {
  const counts = new Map<string, number>();
  for (const name of names) {
    const extension = extname(name).toLowerCase();
    counts.set(extension, (counts.get(extension) ?? 0) + 1);
  }
  const order = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return Object.fromEntries(order);
}

/** Total number of files. */
export function totalOf(counts: FileCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** Counts in words: `50 .gif, 7 .txt, 1 without extension`; only the most frequent if there are many extensions. */
export function countsInWords(counts: FileCounts): string {
  const all = Object.entries(counts);
  const shown = all.slice(0, all.length > SHOWN ? SHOWN - 1 : SHOWN);
  const others = all.slice(shown.length).reduce((sum, [, count]) => sum + count, 0);
  return [
    ...shown.map(([extension, count]) => `${inDigits(count)} ${extension === '' ? 'without extension' : extension}`),
    ...(others > 0 ? [`${inDigits(others)} others`] : []),
  ].join(', ');
}

/** A number with commas as thousands separators. */
export function inDigits(count: number): string {
  return count.toLocaleString('en-GB');
}
