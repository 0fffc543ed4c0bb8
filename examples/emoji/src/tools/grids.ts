import { endpointScore, searchGrid, shiftedGrid, uniformGrid } from '@flowmap/core';
import type { Workshop } from './workshop.js';

/** Endpoint errors of the student on uniform, shifted and searched grids. */
export interface Grids {
  readonly steps: number;
  readonly uniform: number;
  readonly shifted: { readonly shift: number; readonly error: number }[];
  /** On the noises of the search, and on others. */
  readonly searched: { readonly times: readonly number[]; readonly error: number; readonly elsewhere: number };
  readonly uniformElsewhere: number;
}

/** Noises of the search, and as many others. */
const COUNT = 32;

/** Searches the student's best times. */
export async function searchGrids({ runtime, teacher, student, print }: Workshop): Promise<Grids[]> {
  const labels = student.classes;
  const score = await endpointScore(runtime, student, { teacher, count: COUNT, seed: 0, labels, referenceSteps: 32 });
  const other = await endpointScore(runtime, student, { teacher, count: COUNT, seed: 1, labels, referenceSteps: 32 });
  const found: Grids[] = [];
  try {
    for (const steps of [2, 4]) {
      const shifted = [];
      for (const shift of [0.5, 2]) shifted.push({ shift, error: await score(shiftedGrid(steps, shift)) });
      const { times, score: error, startScore: uniform } = await searchGrid({ steps, score, evaluations: 24 });
      const elsewhere = await other(times);
      const uniformElsewhere = await other(uniformGrid(steps));
      found.push({ steps, uniform, shifted, searched: { times: [...times], error, elsewhere }, uniformElsewhere });
      print(
        `${steps} steps: uniform ${uniform.toFixed(4)}, searched ${error.toFixed(4)}, other noises ${elsewhere.toFixed(4)}`,
      );
    }
    return found;
  } finally {
    await Promise.all([score.dispose(), other.dispose()]);
  }
}
