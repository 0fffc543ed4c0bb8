import { join } from 'node:path';
import { durationText } from '@flowmap/eval';
import { PICTURED_STEPS, STEP_COUNTS } from './evaluate.js';
import type { Metrics } from './metrics.js';
import { REPORT } from './run-folder.js';

/** A run's final message on the terminal: quality, speed, and where everything is. */
export function summary(folder: string, { teacher, student, trainStep, matmul, wallSeconds }: Metrics): string {
  const row = (name: string, cells: readonly string[]): string =>
    `  ${name.padEnd(22)}${cells.map((cell) => cell.padStart(9)).join('')}`;
  const errors = (of: Metrics['teacher']): string[] => STEP_COUNTS.map((steps) => of[steps].endpointRmse.toFixed(4));
  return [
    '',
    row('endpoint RMSE, steps', STEP_COUNTS.map(String)),
    row('teacher (Euler)', errors(teacher)),
    row('student (flow map)', errors(student)),
    '',
    `  training step   ${trainStep.seconds.toPrecision(3)} s, ${trainStep.gflops.toFixed(0)} GFLOP/s (matrix product ${matmul.gflops.toFixed(0)})`,
    `  in all          ${durationText(wallSeconds)}`,
    `  report          ${join(folder, REPORT)}`,
    `  pictures        ${join(folder, `samples-{${PICTURED_STEPS.join(',')}}.png`)}, ${join(folder, 'teacher.png')}`,
    `  student         ${join(folder, 'student.safetensors')}`,
    '',
  ].join('\n');
}
