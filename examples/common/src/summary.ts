import { join } from 'node:path';
import { durationText } from '@flowmap/eval';
import type { Distances } from './distances.js';
import { PICTURED_STEPS, STEP_COUNTS } from './evaluate.js';
import type { Metrics } from './metrics.js';
import { REPORT } from './run-folder.js';

/**
 * A run's final message on the terminal: quality, speed, and where everything is.
 *
 * @param student the file of the student, in the folder
 */
export function summary(folder: string, student: string, metrics: Metrics): string {
  const { distances, trainStep, matmul, wallSeconds } = metrics;
  const row = (name: string, cells: readonly string[]): string =>
    `  ${name.padEnd(22)}${cells.map((cell) => cell.padStart(9)).join('')}`;
  const errors = (of: Metrics['teacher']): string[] => STEP_COUNTS.map((steps) => of[steps].endpointRmse.toFixed(4));
  return [
    '',
    row('endpoint RMSE, steps', STEP_COUNTS.map(String)),
    row('teacher (Euler)', errors(metrics.teacher)),
    row('student (flow map)', errors(metrics.student)),
    '',
    ...(distances ? distanceRows(distances).map(([name, ...cells]) => row(name!, cells)) : []),
    `  training step   ${trainStep.seconds.toPrecision(3)} s, ${trainStep.gflops.toFixed(0)} GFLOP/s (matrix product ${matmul.gflops.toFixed(0)})`,
    `  in all          ${durationText(wallSeconds)}`,
    `  report          ${join(folder, REPORT)}`,
    `  pictures        ${join(folder, `samples-{${PICTURED_STEPS.join(',')}}.png`)}, ${join(folder, 'teacher.png')}`,
    `  student         ${join(folder, student)}`,
    '',
  ].join('\n');
}

function distanceRows(distances: Distances): string[][] {
  const rows = (
    title: string,
    { teacher, student }: Pick<Distances, 'teacher' | 'student'>,
    digits: number,
  ): string[][] => {
    const cells = (of: Readonly<Record<number, number>>): string[] =>
      STEP_COUNTS.map((steps) => of[steps]?.toFixed(digits) ?? '');
    return [
      [title, ...STEP_COUNTS.map(String)],
      ['teacher (Euler)', ...cells(teacher)],
      ['student (flow map)', ...cells(student)],
      [''],
    ];
  };
  const { samples, recall } = distances;
  return [...rows(`distance of ${samples}`, distances, 1), ...(recall ? rows('recall', recall, 3) : [])];
}
