import { discriminatorTrainee, finetune, smallDiscriminator, type PenaltyOptions } from '@flowmap/adversarial';
import { unet, type Model, type Phase, type Trainee } from '@flowmap/core';
import { median } from '@flowmap/example-common';
import { ayfEmd } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { uniforms, type Executable, type Runtime } from '@flowmap/tensor';
import {
  adamw,
  constantSchedule,
  initialState,
  objectivePhase,
  phaseFeeds,
  phasePrograms,
  trainee,
} from '@flowmap/train';

const EVERY = 16;

/** How R1 and R2 are computed, and the phases' share of steps. */
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
  const [batchSize, classes, shape] = [32, 10, [3, 24, 24]];
  const network = unet({ shape, channels: [32, 64, 128], classes, interval: true });
  const student: Model = { kind: 'flowMap', network, params: network.init(0), classes: [] };
  const objective = objectivePhase({ network, objective: ayfEmd({ teacher: false }), batchSize, seed: 0 });
  const discriminator = smallDiscriminator({ shape, classes });
  const optimizer = adamw({ beta1: 0 });
  const trainees = {
    student: trainee({ model: student, optimizer, learningRate: constantSchedule(1e-4) }),
    discriminator: discriminatorTrainee(discriminator, { optimizer, learningRate: 1e-4, seed: 0 }),
  };
  const size = shape.reduce((product, extent) => product * extent, batchSize);
  const batch = {
    x: Float32Array.from(uniforms({ seed: 0, purpose: 'data' }, size), (u) => 2 * u - 1),
    conditions: { label: Int32Array.from({ length: batchSize }, (_, i) => i % classes) },
  };

  const stepOf = async (phase: Phase): Promise<() => Promise<number>> => {
    const executable = await compiled(runtime, phase, trainees);
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
  const options = { student, objective, discriminator, seed: 0 };
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

async function compiled(runtime: Runtime, phase: Phase, trainees: Record<string, Trainee>): Promise<Executable> {
  const executable = await runtime.compile(phasePrograms(phase, trainees, { flushDenormals: false }).update);
  const state = initialState(trainees, phase.fixed);
  const own = Object.keys(executable.program.state).map((name) => [name, state[name]!] as const);
  await executable.writeState(Object.fromEntries(own));
  return executable;
}
