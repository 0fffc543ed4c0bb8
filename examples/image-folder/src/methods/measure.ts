import { heun, type Dataset, type Model, type Sampler } from '@flowmap/core';
import { endpointRmse, labelsOf, openJudge, REFERENCE_STEPS, sampleFixedNoises } from '@flowmap/example-common';
import type { HostTensor, Runtime } from '@flowmap/tensor';

/** How samples are measured. */
export interface Measuring {
  readonly runtime: Runtime;
  readonly data: Dataset;
  /** Where its trajectories end is where samples should. */
  readonly teacher: Model;
  readonly steps: readonly number[];
  /** Samples whose distance is measured. */
  readonly samples: number;
  /** File of the data's statistics; written if it is missing. */
  readonly statistics: string;
  readonly signal: AbortSignal;
}

/** A model's samples, for each number of steps. */
export interface Measured {
  readonly endpointRmse: readonly number[];
  readonly distance: readonly number[];
  /** Which distances compare with these. */
  readonly protocol: string;
}

/** Measures models; `dispose` releases what that takes. */
export function measurer(measuring: Measuring): {
  measure(model: Model, sampler: Sampler): Promise<Measured>;
  dispose(): Promise<void>;
} {
  const { runtime, data, teacher, steps, samples: count, statistics, signal } = measuring;
  const watched = { runtime, signal };
  const open = async (): Promise<{ reference: HostTensor; judge: Awaited<ReturnType<typeof openJudge>> }> => {
    const [reference] = await sampleFixedNoises(teacher, heun(), [REFERENCE_STEPS], watched);
    return { reference: reference!, judge: await openJudge({ ...watched, data, samples: count, statistics }) };
  };
  let opened: ReturnType<typeof open> | undefined;
  return {
    async measure(model, sampler) {
      const { reference, judge } = await (opened ??= open());
      const ends = await sampleFixedNoises(model, sampler, steps, watched);
      const labels = await labelsOf(data, count);
      const distance: number[] = [];
      let protocol = '';
      for (const number of steps) {
        const [samples] = await sampleFixedNoises(model, sampler, [number], {
          ...{ ...watched, count },
          ...(labels ? { labels } : {}),
        });
        const judged = await judge.judge(samples!);
        protocol = judged.protocol;
        distance.push(judged.distance);
      }
      return { endpointRmse: ends.map((points) => endpointRmse(points, reference)), distance, protocol };
    },
    async dispose() {
      await (await opened?.catch(() => undefined))?.judge.dispose();
    },
  };
}
