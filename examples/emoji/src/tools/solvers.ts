import {
  adamsBashforth,
  compileAdaptiveSolver,
  compileSampler,
  dormandPrince,
  dpmSolver,
  euler,
  generate,
  heun,
  type Sampler,
} from '@flowmap/core';
import { rmsDifference } from './host-tensors.js';
import type { Workshop } from './workshop.js';

/** Noises from which the teacher is solved. */
const COUNT = 18;

/** Steps of Heun's method that count as exact. */
const REFERENCE_STEPS = 128;

/** How far a solver of the teacher's ODE ends from where the exact one does. */
export interface SolverError {
  readonly solver: string;
  /** Of the network, for each sample; of the slowest one where steps are chosen by their errors. */
  readonly evaluations: number;
  /** Root mean square over all values, in the units of [-1, 1]. */
  readonly error: number;
}

/** Solves the teacher's ODE by every solver. */
export async function compareSolvers({ runtime, teacher, print }: Workshop): Promise<SolverError[]> {
  const request = { count: COUNT, seed: 0, labels: teacher.classes };
  const exact = await generate(teacher, { runtime, ...request, sampler: heun(), steps: REFERENCE_STEPS });
  const rows: SolverError[] = [];
  const add = (row: SolverError): void => {
    rows.push(row);
    print(`teacher by ${row.solver}, ${row.evaluations} evaluations: ${row.error.toFixed(4)}`);
  };
  const solvers: (readonly [sampler: Sampler, evaluationsOfStep: number])[] = [
    [euler(), 1],
    [heun(), 2],
    [adamsBashforth(), 1],
    [dpmSolver(), 1],
    [dormandPrince(), 6],
  ];
  for (const [sampler, cost] of solvers) {
    const compiled = await compileSampler(runtime, teacher, { sampler, batchSize: COUNT });
    try {
      for (const evaluations of [6, 12, 24, 48]) {
        const points = await compiled.sample({ ...request, steps: evaluations / cost });
        add({ solver: sampler.name, evaluations, error: rmsDifference(points, exact) });
      }
    } finally {
      await compiled.dispose();
    }
  }
  for (const tolerance of [1e-2, 1e-3]) {
    const solver = await compileAdaptiveSolver(runtime, teacher, { batchSize: COUNT, tolerance });
    try {
      const { points, evaluations } = await solver.solve(request);
      add({ solver: `dormand-prince, tolerance ${tolerance}`, evaluations, error: rmsDifference(points, exact) });
    } finally {
      await solver.dispose();
    }
  }
  return rows;
}
