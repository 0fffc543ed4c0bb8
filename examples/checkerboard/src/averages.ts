import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flowMapSampler, heun, mlp, type Model } from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { endpointRmse, REFERENCE_STEPS, sampleFixedNoises } from '@flowmap/example-common';
import { ayfEmd, flowMatching } from '@flowmap/objectives';
import { powerEma, snapshots } from '@flowmap/train';
import { distill, loadAverage, loadTrained, trainVelocityField } from '@flowmap/train/node';
import {
  openRuntime,
  TRAINING_RUNTIME_OPTIONS,
  runCommand,
  whole,
  wholes,
  type CommandContext,
  type Config,
} from 'flowmap/node';

const OPTIONS = {
  iterations: wholes('lengths of the distillation, in steps', [350, 700, 3000]),
  seed: whole('the first seed', 0, 0),
  seeds: whole('number of seeds', 3),
  teacherIterations: whole("steps of the teacher's training", 1500),
  ...TRAINING_RUNTIME_OPTIONS,
};

/** Widths of the averages that are tracked. */
const TRACKED = [0.05, 0.1];
/** Widths of the averages that are reconstructed from snapshots of them. */
const RECONSTRUCTED = [0.03, 0.07, 0.15];
const STEPS = [1, 2, 4, 8];

/**
 * Distils the checkerboard once for each length and seed, and prints the endpoint RMSE of the final weights, of averages
 * tracked in training, and of averages reconstructed from their snapshots.
 */
async function compareAverages(options: Config<typeof OPTIONS>, { print, signal }: CommandContext): Promise<void> {
  const runtime = await openRuntime(options);
  const scratch = mkdtempSync(join(tmpdir(), 'flowmap-averages-'));
  print(`| iterations | seed | weights | ${STEPS.map((steps) => `${steps} st.`).join(' | ')} |`);
  print(`| ---: | ---: | --- | ${STEPS.map(() => '---:').join(' | ')} |`);
  try {
    for (let seed = options.seed; seed < options.seed + options.seeds; seed++) {
      const data = checkerboard({ seed });
      const common = { runtime, data, batchSize: 512, seed, signal, progress: 'none' as const };
      const { model: teacher } = await trainVelocityField({
        ...common,
        network: mlp({ shape: data.shape, width: 128, depth: 3 }),
        objective: flowMatching(),
        learningRate: 2e-3,
        iterations: options.teacherIterations,
        out: join(scratch, `teacher-${seed}`),
      });
      const [reference] = await sampleFixedNoises(teacher, heun(), [REFERENCE_STEPS], { runtime, signal });
      for (const iterations of options.iterations) {
        const { folder, step } = await distill({
          ...common,
          teacher,
          objective: ayfEmd(),
          learningRate: 1e-3,
          iterations,
          emaDecay: powerEma(TRACKED[0]),
          averages: { wide: powerEma(TRACKED[1]) },
          callbacks: [snapshots({ every: Math.ceil(iterations / 32) })],
          out: join(scratch, `student-${iterations}-${seed}`),
        });
        signal.throwIfAborted();
        const show = async (weights: string, student: Model): Promise<void> => {
          const samples = await sampleFixedNoises(student, flowMapSampler(), STEPS, { runtime, signal });
          const errors = samples.map((points) => endpointRmse(points, reference!).toFixed(4));
          print(`| ${[iterations, seed, weights, ...errors].join(' | ')} |`);
        };
        const checkpoint = join(folder, 'checkpoints', String(step).padStart(7, '0'));
        await show('raw', await loadTrained(checkpoint));
        await show(`tracked ${TRACKED[0]}`, await loadTrained(checkpoint, { average: 'ema' }));
        await show(`tracked ${TRACKED[1]}`, await loadTrained(checkpoint, { average: 'wide' }));
        for (const width of RECONSTRUCTED) await show(`reconstructed ${width}`, await loadAverage(folder, { width }));
      }
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

process.exitCode = await runCommand(
  {
    name: 'npm run averages -w @flowmap/example-checkerboard --',
    description:
      'Compares final weights with averages, tracked and reconstructed, at several lengths of the distillation.',
    options: OPTIONS,
    run: compareAverages,
  },
  process.argv.slice(2),
);
