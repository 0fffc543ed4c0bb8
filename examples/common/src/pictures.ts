import { join } from 'node:path';
import { writeFileAtomic } from '@flowmap/core/node';
import { stripComparison } from '@flowmap/eval';
import type { HostTensor } from '@flowmap/tensor';
import { PICTURED_STEPS, REFERENCE_STEPS, type Endpoints } from './evaluate.js';
import type { Presentation } from './presentation.js';

/** A picture of one sampler's results from the evaluation's noises. */
export interface SamplePicture {
  /** The teacher solved accurately, the teacher with Euler's method, or the student. */
  readonly kind: 'reference' | 'teacher' | 'student';
  readonly steps: number;
  /** Its name in the run's folder. */
  readonly file: string;
  /** The file's content, PNG. */
  readonly image: Uint8Array;
  /** The report's flat picture of a few samples, PNG; undefined if the example has none. */
  readonly strip: Uint8Array | undefined;
}

/** Step counts that are compared in one picture. */
const COMPARED: readonly number[] = [1, 2, 4];

/**
 * Writes `samples-{1,2,4,8}.png` for the student, `teacher-{1,2,4,8}.png` for the teacher with Euler's method, and
 * `teacher.png` for the teacher with 64 Heun steps; with strips also `comparison.svg`, which shows both at 1, 2 and 4
 * steps.
 *
 * @returns the reference first, then teacher and student for each step count
 * @throws the signal's reason when it fires
 */
export async function writePictures(
  folder: string,
  endpoints: Endpoints,
  presentation: Presentation,
  signal: AbortSignal,
): Promise<SamplePicture[]> {
  const show = async (
    kind: SamplePicture['kind'],
    steps: number,
    file: string,
    samples: HostTensor,
  ): Promise<SamplePicture> => {
    signal.throwIfAborted();
    const image = await presentation.picture(samples);
    await writeFileAtomic(join(folder, file), image);
    return { kind, steps, file, image, strip: await presentation.strip?.(samples) };
  };
  const pictures = [await show('reference', REFERENCE_STEPS, 'teacher.png', endpoints.reference)];
  for (const steps of PICTURED_STEPS) {
    pictures.push(await show('teacher', steps, `teacher-${steps}.png`, endpoints.teacher[steps]));
    pictures.push(await show('student', steps, `samples-${steps}.png`, endpoints.student[steps]));
  }
  const strips = pictures
    .filter(({ kind, steps }) => kind === 'reference' || COMPARED.includes(steps))
    .flatMap(({ strip, ...picture }) => (strip ? [{ label: labelOf(picture), strip }] : []));
  if (strips.length > 0) await writeFileAtomic(join(folder, 'comparison.svg'), stripComparison(strips));
  return pictures;
}

/** What a picture shows, in words: `Student, 2 steps`. */
export function labelOf({ kind, steps }: Pick<SamplePicture, 'kind' | 'steps'>): string {
  return `${kind === 'student' ? 'Student' : 'Teacher'}, ${steps === 1 ? '1 step' : `${steps} steps`}`;
}
