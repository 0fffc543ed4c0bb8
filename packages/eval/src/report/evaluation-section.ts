import type { LogRecord } from '@flowmap/core';
import type { LineChart } from './line-chart.js';
import type { ReportSection } from './report.js';
import { capitalised, numberText, wordsOf } from './words.js';

/** Strokes and gaps of the lines, starting with the fewest steps. */
const DASHES: readonly (readonly number[] | undefined)[] = [undefined, [6, 3], [2, 2], [8, 3, 2, 3]];

/** A quantity of {@link evaluation}: its name and a number of steps, `distance.4`. */
const QUANTITY = /^(?<name>.+)\.(?<steps>[1-9]\d*)$/;

/**
 * A section of a report on what `evaluation` measured while a model learned: a chart of each quantity over the training
 * steps, with a line for each number of sampling steps, and the lowest values.
 *
 * @returns undefined if nothing was evaluated
 */
export function evaluationSection(log: readonly LogRecord[]): ReportSection | undefined {
  const found = new Map<string, Set<number>>();
  for (const quantity of log.flatMap((record) => Object.keys(record))) {
    const { name, steps } = QUANTITY.exec(quantity)?.groups ?? {};
    if (name !== undefined) found.set(name, (found.get(name) ?? new Set()).add(Number(steps)));
  }
  if (found.size === 0) return undefined;
  const curves = [...found].map(([name, stepCounts]) => ({
    name,
    lines: [...stepCounts]
      .sort((a, b) => a - b)
      .map((steps) => ({ steps, records: log.filter((record) => Object.hasOwn(record, `${name}.${steps}`)) })),
  }));
  const titled = (steps: number): string => (steps === 1 ? '1 step' : `${steps} steps`);
  return {
    title: 'How its samples improved',
    text: 'Measured of samples of the averaged weights in training, always from the same noise, by the number of steps they take.',
    charts: curves.map(({ name, lines }): LineChart => ({
      title: capitalised(wordsOf(name)),
      note: 'in training, by steps',
      x: { label: 'training step' },
      y: { label: wordsOf(name) },
      lines: lines.map(({ steps, records }, i) => {
        const dash = DASHES[i % DASHES.length];
        return {
          name: titled(steps),
          x: records.map(({ step }) => step),
          y: records.map((record) => record[`${name}.${steps}`]!),
          dots: records.length <= 30,
          ...(dash === undefined ? {} : { dash }),
        };
      }),
    })),
    table: {
      columns: [{ title: 'lowest' }, { title: 'after step' }, { title: 'last' }],
      rows: curves.flatMap(({ name, lines }) =>
        lines.map(({ steps, records }) => {
          const valueOf = (record: LogRecord): number => record[`${name}.${steps}`]!;
          const best = records.reduce((a, b) => (valueOf(b) < valueOf(a) ? b : a));
          return {
            label: `${capitalised(wordsOf(name))}, ${titled(steps)}`,
            cells: [numberText(valueOf(best)), numberText(best.step), numberText(valueOf(records.at(-1)!))],
          };
        }),
      ),
    },
  };
}
