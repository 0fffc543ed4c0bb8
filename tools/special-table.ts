import { specialLimitOf, type SpecialResult } from '@flowmap/tensor/testing';
import type { SpecialRow } from './runtimes-pages.js';

/** How a runtime handled special numbers, under its title. */
interface Column {
  readonly title: string;
  readonly special: readonly SpecialResult[];
}

/** How runtimes handle special numbers. */
export interface SpecialResults {
  /** The primitives of each runtime, in the order of the columns. */
  readonly rows: readonly (readonly SpecialRow[])[];
  /** The limits that the rows name by number, and faults without a known reason, as items of a list. */
  readonly limits: string;
}

/** Results with special numbers, in words and numbers of limits. */
export function specialResults(columns: readonly Column[]): SpecialResults {
  const reasons: string[] = [];
  const mark = (title: string, difference: string): string => {
    const reason = specialLimitOf(title, difference)?.reason;
    if (reason === undefined) return '\\*';
    if (!reasons.includes(reason)) reasons.push(reason);
    return `[${String(reasons.indexOf(reason) + 1)}]`;
  };
  const cell = (primitive: string, { title, special }: Column): string => {
    const results = special.filter((result) => result.primitive === primitive);
    const marks = new Set(results.flatMap(({ differences }) => differences.map((text) => mark(title, text))));
    const agrees = results.some(({ flushes }) => flushes) ? 'yes, d' : 'yes';
    return marks.size === 0 ? agrees : [...marks].join(' ');
  };
  const names = [...new Set(columns[0]!.special.map(({ primitive }) => primitive))];
  const byName = names.map((name) => columns.map((column) => ({ name, text: cell(name, column) })));
  const unexplained = columns.flatMap(({ title, special }) =>
    special.flatMap(({ differences }) =>
      differences
        .filter((text) => specialLimitOf(title, text) === undefined)
        .map((text) => `- \\* ${title}, ${text}. A fault: there is no known reason.`),
    ),
  );
  return {
    rows: columns.map((_, column) => byName.map((row) => row[column]!)),
    limits: [...reasons.map((reason, i) => `- [${String(i + 1)}] ${reason}`), ...unexplained].join('\n'),
  };
}
