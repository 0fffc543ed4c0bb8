import { heun, matchClasses, normalBatch, uniformGrid } from '@flowmap/core';
import { labelsOf, loadTeacher, openJudge } from '@flowmap/example-common';
import { droppedWeights, noisyWeights, rankWeakModels } from '@flowmap/guidance';
import { hostTensor } from '@flowmap/tensor';
import {
  choices,
  openRuntime,
  pathOr,
  positive,
  positives,
  runCommand,
  whole,
  RUNTIME_OPTIONS,
  type CommandContext,
  type Config,
} from 'flowmap/node';
import { emojiDataset } from './emoji-dataset.js';
import { SHIPPED_STATISTICS, SHIPPED_TEACHER, SHIPPED_WEAK_TEACHER } from './settings.js';

const OPTIONS = {
  teacher: pathOr('checkpoint of the teacher; the one that comes with the example unless given', 'FILE', null),
  weakTeacher: pathOr("checkpoint of the weak teacher; the example's own unless given", 'FILE', null),
  candidates: choices(
    'weak teachers to try: one that is smaller and less trained, the teacher with noise on its weights, or with a twentieth of them at 0',
    ['smaller', 'noisy', 'dropped'],
    ['smaller', 'noisy', 'dropped'],
  ),
  scales: positives('scales λ to try beside 1', [1.25, 1.5, 2, 3]),
  until: positive('time, 0 = data and 1 = noise, from which towards noise there is no guidance', 1),
  steps: whole("steps of Heun's method that samples take", 12),
  samples: whole('samples of each pair', 2000, 2),
  ...RUNTIME_OPTIONS,
};

/**
 * Prints how far samples guided by several weak teachers at several scales are from the emoji, before any
 * distillation.
 */
async function rankWeakTeachers(options: Config<typeof OPTIONS>, { print, signal }: CommandContext): Promise<void> {
  const { model: strong } = await loadTeacher(options.teacher ?? SHIPPED_TEACHER);
  const { model: small } = await loadTeacher(options.weakTeacher ?? SHIPPED_WEAK_TEACHER);
  const candidates = {
    smaller: () => small,
    noisy: () => noisyWeights(strong, { std: 0.1, seed: 0 }),
    dropped: () => droppedWeights(strong, { share: 0.05, seed: 0 }),
  };
  const { shape } = strong.network.config;
  const runtime = await openRuntime(options);
  const data = await emojiDataset(shape[1]!);
  const { samples } = options;
  const judge = await openJudge({ runtime, data, samples, statistics: SHIPPED_STATISTICS, signal });
  try {
    const label = await labelsOf(matchClasses(data, strong).data, samples);
    const { best, table } = await rankWeakModels({
      strong,
      weak: Object.fromEntries(options.candidates.map((name) => [name, candidates[name]()])),
      scales: options.scales,
      interval: [0, Math.min(1, options.until)],
      runtime,
      noise: hostTensor([samples, ...shape], normalBatch({ seed: 0, purpose: 'evaluation' }, [samples, ...shape])),
      times: uniformGrid(options.steps),
      conditions: label ? { label } : {},
      batchSize: 64,
      sampler: heun(),
      score: async (images) => {
        const { distance, recall } = await judge.judge(images);
        if (recall !== undefined) print(`recall ${recall.toFixed(4)}`);
        return distance;
      },
      onScore: ({ weak, scale, score }) => print(`λ ${scale}${weak ? `, ${weak}` : ''}: ${score.toFixed(2)}`),
    });
    print(`${table}\nbest: ${best.weak ?? 'none'} at λ ${best.scale}`);
  } finally {
    await judge.dispose();
  }
}

process.exitCode = await runCommand(
  {
    name: 'npm run rank-weak-teachers -w @flowmap/example-emoji --',
    description: 'Tries weak teachers and scales of guidance by the distance of guided samples from the emoji.',
    options: OPTIONS,
    run: rankWeakTeachers,
  },
  process.argv.slice(2),
);
