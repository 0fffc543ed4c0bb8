import { specialLimitOf, type SpecialResult } from '@flowmap/tensor/testing';

/** What a runtime made of special numbers, under its title. */
interface Column {
  readonly title: string;
  readonly special: readonly SpecialResult[];
}

const introduction = `Every primitive was given NaN, infinities, zeros, the largest, the smallest and some ordinary numbers in each operand,
in every dtype that it and the runtime have, integers up to the ends of int32 and indices out of range included. "yes" is the
reference's answer, that of IEEE arithmetic, everywhere; "yes, d" the same, but that numbers below the smallest normal one
(denormals) count as zeros or lose digits; a number in brackets is a limit that stands below the table; an asterisk a fault
without a known reason. The sign of a zero is left open.`;

/** The section on special numbers: a table of primitives and runtimes, then the reasons for what differs. */
export function specialTable(columns: readonly Column[]): string {
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
  const rows = names.map((name) => `| ${[name, ...columns.map((column) => cell(name, column))].join(' | ')} |`);
  const header = ['', ...columns.map(({ title }) => title)];
  const unexplained = columns.flatMap(({ title, special }) =>
    special.flatMap(({ differences }) =>
      differences
        .filter((text) => specialLimitOf(title, text) === undefined)
        .map((text) => `- \\* ${title}, ${text}. A fault: there is no known reason.`),
    ),
  );
  return [
    '## Special numbers',
    introduction,
    [`| ${header.join(' | ')} |`, `| ${header.map(() => '---').join(' | ')} |`, ...rows].join('\n'),
    [...reasons.map((reason, i) => `- [${String(i + 1)}] ${reason}`), ...unexplained].join('\n'),
  ].join('\n\n');
}
