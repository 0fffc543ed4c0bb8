import { join } from 'node:path';
import { compileSampler, flowMapFrom, mlp, normalBatch, uniformGrid, type Model } from '@flowmap/core';
import { writeFileAtomic } from '@flowmap/core/node';
import { finetuneOnce, lockRunFolder, machine, scatterStrip, trainOnce, versions } from '@flowmap/example-common';
import { ayfEmd, flowMatching } from '@flowmap/objectives';
import { hostTensor, type HostTensor, type Runtime } from '@flowmap/tensor';
import { distill, trainVelocityField, type TrainResult } from '@flowmap/train/node';
import { interruptible, openRuntime, type CommandContext } from 'flowmap/node';
import { DEVIATION, heldPoints, judge, modes } from './modes.js';
import type { AdversarialConfig } from './settings.js';
import { tableOf, type Row, type Stage } from './table.js';

/** The last file that a run writes. */
const METRICS = 'metrics.json';

/** Numbers of steps in the table. */
const STEPS = [1, 2, 4];

/** Height and width of a panel of the picture, in pixels. */
const SIDE = 360;

/** Panels of the picture: all in one step, of seed 0. */
const SHOWN = ['data', 'blurred, distilled further', 'blurred, finetuned', 'right, finetuned'];

/**
 * Distils a teacher of the data and one of blurred data, continues each student with the objective alone and with a
 * discriminator, for the same number of steps, and writes a picture and a table. If interrupted and started again with
 * the same options, it resumes.
 *
 * @returns the run's folder
 * @throws {FolderInUseError} when another process is using the run's folder
 * @throws the signal's reason when it fires, with everything saved
 */
export async function runAdversarial(config: AdversarialConfig, context: CommandContext): Promise<string> {
  const lock = await lockRunFolder(config.out, METRICS);
  try {
    await compare(lock.folder, config, context);
    return lock.folder;
  } finally {
    lock.release();
  }
}

async function compare(
  folder: string,
  { out: _, ...options }: AdversarialConfig,
  context: CommandContext,
): Promise<void> {
  const { points: count, seeds, blur } = options;
  const runtime = interruptible(await openRuntime(options), context.signal);
  const held = await heldPoints(count);
  const rows: Row[] = [];
  const panels = new Map<string, HostTensor>([['data', held]]);
  for (const teacher of ['right', 'blurred'] as const) {
    for (let seed = 0; seed < seeds; seed++) {
      const deviation = teacher === 'right' ? DEVIATION : blur;
      const students = await studentsOf(join(folder, `${teacher}-${seed}`), { ...options, deviation, seed }, context);
      for (const [stage, model] of students) {
        for (const [steps, samples] of await sampled(runtime, model, count)) {
          rows.push({ teacher, stage, seed, steps, ...judge(samples, held) });
          if (seed === 0 && steps === 1) panels.set(`${teacher}, ${stage}`, samples);
        }
      }
    }
  }
  const picture = await scatterStrip(
    SHOWN.map((name) => panels.get(name)!),
    SIDE,
  );
  await writeFileAtomic(join(folder, 'picture.png'), picture);
  const table = tableOf(rows);
  context.print(table);
  await writeFileAtomic(join(folder, 'table.md'), `${table}\n`);
  const date = new Date().toISOString().slice(0, 10);
  const facts = { options, machine: machine(), versions: versions(), date, rows };
  await writeFileAtomic(join(folder, METRICS), `${JSON.stringify(facts, null, 2)}\n`);
}

/** Options of one teacher and seed. */
type Trial = Omit<AdversarialConfig, 'out'> & { readonly deviation: number; readonly seed: number };

/** Trains a teacher on modes of a deviation and its students, each stage in a folder of its own. */
async function studentsOf(folder: string, trial: Trial, context: CommandContext): Promise<Map<Stage, Model>> {
  const { batchSize, learningRate, seed, deviation } = trial;
  const { signal, progress = 'auto' } = context;
  const runtime = await openRuntime(trial);
  const data = modes(DEVIATION, seed);
  const trained = async (name: 'teacher' | 'student', train: (out: string) => Promise<TrainResult>): Promise<Model> => {
    const out = join(folder, name);
    const result = await trainOnce(out, `${name}.safetensors`, trial, () => train(out));
    if (result === undefined) throw signal.reason;
    return result.model;
  };
  const onData = (): void => undefined; // the example says what its data is
  const common = { runtime, batchSize, learningRate, seed, signal, progress, onData, config: trial };
  const teacher = await trained('teacher', (out) =>
    trainVelocityField({
      ...{
        ...common,
        out,
        iterations: trial.teacherIterations,
        data: modes(deviation, seed),
        objective: flowMatching(),
      },
      network: mlp({ shape: [2], width: trial.width, depth: trial.depth }),
    }),
  );
  const start = flowMapFrom(teacher, seed);
  const distilled = await trained('student', (out) =>
    distill({ ...common, out, iterations: trial.iterations, data, teacher, student: start, objective: ayfEmd() }),
  );

  const finetuning = {
    iterations: trial.further,
    learningRate: trial.finetuningRate,
    objective: ayfEmd({ warmupSteps: 1 }),
  };
  const adversarial = {
    ...{
      weight: trial.adversarialWeight,
      learningRate: trial.judgeRate,
      steps: 1,
      judge: 'own' as const,
      augmented: false,
    },
    penalty: { weight: trial.penaltyWeight, every: 1 },
  };
  const continued = async (name: string, kind: Parameters<typeof finetuneOnce>[1]): Promise<Model> => {
    const inputs = { folder: join(folder, name), settings: trial, teacher, strong: teacher, student: distilled, data };
    const result = await finetuneOnce({ ...context, runtime, seed, student: { batchSize } }, kind, inputs);
    if (result === undefined) throw signal.reason;
    return result.model;
  };
  return new Map<Stage, Model>([
    ['distilled', distilled],
    ['distilled further', await continued('further', finetuning)],
    ['finetuned', await continued('finetuned', { ...finetuning, adversarial })],
  ]);
}

/** Samples in each number of steps from the same noise. */
async function sampled(runtime: Runtime, model: Model, count: number): Promise<Map<number, HostTensor>> {
  const noise = hostTensor([count, 2], normalBatch({ seed: 0, purpose: 'evaluation' }, [count, 2]));
  const sampler = await compileSampler(runtime, model, { batchSize: Math.min(count, 1000) });
  try {
    const samples = new Map<number, HostTensor>();
    for (const steps of STEPS) samples.set(steps, await sampler.sample({ noise, times: uniformGrid(steps) }));
    return samples;
  } finally {
    await sampler.dispose();
  }
}
