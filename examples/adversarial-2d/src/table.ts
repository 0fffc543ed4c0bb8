import type { Judgement } from './modes.js';

/** What a student is: after its distillation, and after more steps of either kind. */
export type Stage = (typeof STAGES)[number];
const STAGES = ['distilled', 'distilled further', 'finetuned'] as const;

/** What samples of a student are like. */
export interface Row extends Judgement {
  readonly teacher: 'right' | 'blurred';
  readonly stage: Stage;
  readonly seed: number;
  readonly steps: number;
}

const HEADER = [
  '| teacher | steps | student | distance | gain | outliers | least coverage |',
  '| --- | ---: | --- | ---: | ---: | ---: | ---: |',
];

/**
 * Means over the seeds as a table. The gain of finetuning is how much lower its distance is than that of as many steps
 * of distillation alone, with the least and the greatest of the seeds.
 */
export function tableOf(rows: readonly Row[]): string {
  const steps = [...new Set(rows.map((row) => row.steps))];
  const lines = (['right', 'blurred'] as const).flatMap((teacher) =>
    steps.flatMap((count) => {
      const own = (stage: Stage): Row[] =>
        rows.filter((row) => row.teacher === teacher && row.steps === count && row.stage === stage);
      return STAGES.map((stage) => {
        const cells = [
          mean(own(stage).map(({ distance }) => distance)).toFixed(4),
          stage === 'finetuned' ? gainOf(own(stage), own('distilled further')) : '',
          percent(mean(own(stage).map(({ outliers }) => outliers))),
          mean(own(stage).map(({ coverage }) => coverage)).toFixed(2),
        ];
        return `| ${[teacher, count, stage, ...cells].join(' | ')} |`;
      });
    }),
  );
  return [...HEADER, ...lines].join('\n');
}

/** Both lists are in the order of the seeds. */
function gainOf(finetuned: readonly Row[], further: readonly Row[]): string {
  const gain = (after: number, before: number): number => 1 - after / before;
  const gains = finetuned.map(({ distance }, i) => gain(distance, further[i]!.distance));
  const all = gain(mean(finetuned.map(({ distance }) => distance)), mean(further.map(({ distance }) => distance)));
  return `${percent(all)} (${percent(Math.min(...gains))} to ${percent(Math.max(...gains))})`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
