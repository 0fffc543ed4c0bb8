import type { Model, SampleArguments, Sampler } from '@flowmap/core';
import type { HostTensor, Runtime } from '@flowmap/tensor';
import type { Answer } from './command.js';

/** Draws samples of a model. */
interface Drawer {
  /** @param first index of the first sample among all */
  draw(from: Pick<SampleArguments, 'noise' | 'conditions'>, first: number): Promise<HostTensor>;
  /** How the samples so far were drawn: values, and as text `4 steps by flow-map`. */
  how(): { readonly facts: Answer; readonly text: string };
  dispose(): Promise<void>;
}

interface DrawerOptions {
  readonly chosen: Sampler;
  /** The grid; undefined for steps that are chosen by their error. */
  readonly times: readonly number[] | undefined;
  readonly restart: boolean;
  readonly tolerance: number | null;
  readonly seed: number;
  readonly batchSize: number;
}

/** What draws samples on a grid, or with steps chosen by their error. */
export async function drawerOf(runtime: Runtime, model: Model, options: DrawerOptions): Promise<Drawer> {
  const { chosen, times, restart: restarts, tolerance, seed, batchSize } = options;
  const { compileAdaptiveSolver, compileSampler, restart } = await import('@flowmap/core');
  if (times === undefined) {
    const solver = await compileAdaptiveSolver(runtime, model, { batchSize, tolerance: tolerance! });
    const taken = { steps: 0, evaluations: 0 };
    return {
      async draw(from) {
        const { points, steps, evaluations } = await solver.solve(from);
        taken.steps = Math.max(taken.steps, ...steps);
        taken.evaluations += evaluations;
        return points;
      },
      how: () => ({
        facts: { sampler: chosen.name, tolerance, ...taken },
        text: `at most ${taken.steps} steps by ${chosen.name} with tolerance ${tolerance}, ${taken.evaluations} evaluations`,
      }),
      dispose: () => solver.dispose(),
    };
  }
  const sampler = restarts ? restart(chosen) : chosen;
  const compiled = await compileSampler(runtime, model, { sampler, batchSize });
  const steps = times.length - 1;
  return {
    draw: (from, first) => compiled.sample({ ...from, times, seed, firstSample: first }),
    how: () => ({
      facts: { sampler: sampler.name, steps },
      text: `${steps} ${steps === 1 ? 'step' : 'steps'} by ${sampler.name}`,
    }),
    dispose: () => compiled.dispose(),
  };
}
