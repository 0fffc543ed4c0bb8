import { finetune, type PenaltyOptions } from '@flowmap/adversarial';
import type { Phase } from '@flowmap/core';
import { median } from '@flowmap/example-common';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { phaseFeeds } from '@flowmap/train';
import { adversarialTask, compiledPhase, EVERY } from './adversarial-task.js';

/** How R1 and R2 are computed, and the share of steps in which each phase runs. */
const penalties: readonly { readonly name: string; readonly penalty: PenaltyOptions | false }[] = [
  { name: 'exact', penalty: {} },
  { name: `exact, every ${EVERY} steps`, penalty: { every: EVERY } },
  { name: 'differences', penalty: { method: 'differences' } },
  { name: 'none', penalty: false },
];

/**
 * Prints the time of a step of adversarial finetuning in units of the AYF-EMD step: the emoji U-net of 24 x 24 in batches of
 * 32, one-step samples, and the small discriminator. Phases are timed in turn, round by round.
 */
export async function timeAdversarialSteps(threads: number, rounds: number): Promise<void> {
  const runtime = await onnxRuntime({ device: 'cpu', threads });
  const { objective, trainees, batch, options } = adversarialTask(false);

  const stepOf = async (phase: Phase): Promise<() => Promise<number>> => {
    const executable = await compiledPhase(runtime, phase, trainees);
    const feeds = phaseFeeds(phase, trainees[phase.trains as keyof typeof trainees], progress, batch);
    return async () => {
      const since = performance.now();
      const outputs = await executable.run(feeds);
      await outputs['loss']!.read();
      const time = performance.now() - since;
      for (const tensor of Object.values(outputs)) tensor.dispose();
      return time;
    };
  };
  const progress = { step: 100, iterations: 1000 };
  const steps: {
    readonly name: string;
    readonly phase: string;
    readonly share: number;
    readonly step: () => Promise<number>;
  }[] = [
    { name: 'EMD', phase: 'objective', share: 1, step: await stepOf(objective) },
    { name: 'all', phase: 'generator', share: 1, step: await stepOf(finetune(options).at(-1)!) },
  ];
  for (const { name, penalty } of penalties) {
    for (const phase of finetune({ ...options, penalty }).slice(0, -1)) {
      steps.push({ name, phase: phase.name, share: 1 / (phase.every ?? 1), step: await stepOf(phase) });
    }
  }

  const times = steps.map((): number[] => []);
  for (let round = -1; round < rounds; round++) {
    for (const [i, { step }] of steps.entries()) {
      const time = await step();
      if (round >= 0) times[i]!.push(time); // the first round warms up
    }
  }
  const [emd, generator, ...rest] = times.map(median) as [number, number, ...number[]];
  console.log(`EMD step ${emd.toFixed(0)} ms, generator's phase ${(generator / emd).toFixed(2)} EMD steps`);
  console.log("| R1 and R2 | discriminator's phases | whole step |\n| --- | ---: | ---: |");
  for (const { name } of penalties) {
    const own = rest.map((time, i) => (steps[i + 2]!.name === name ? time * steps[i + 2]!.share : 0));
    const judge = own.reduce((sum, time) => sum + time, 0);
    console.log(`| ${name} | ${(judge / emd).toFixed(2)} | ${((judge + generator) / emd).toFixed(2)} |`);
  }
}
