import { join } from 'node:path';
import { saveModel } from '@flowmap/core/node';
import type { DeviceTensor, Executable, HostTensors } from '@flowmap/tensor';
import { trainFeeds } from '../train-feeds.js';
import { saveCheckpoint } from './checkpoints.js';
import { requireFinite, requireFiniteState } from './finite.js';
import { openLog, type Log } from './log.js';
import { openRun, type Run } from './open-run.js';
import type { TrainResult } from './options.js';
import { showProgress } from './progress.js';
import { resultFile } from './run-folder.js';
import type { TrainSetup } from './setup.js';
import { compileStep, snapshot } from './state.js';

/** Runs a training run to its end, or until it is aborted; resumes it where its folder holds an unfinished one. */
export async function train(setup: TrainSetup): Promise<TrainResult> {
  const run = await openRun(setup);
  const log = await openLog(join(run.folder, 'log.jsonl'), run.from?.step ?? 0);
  const executable = await compileStep(setup, run.from);
  try {
    const { done, seconds } = await takeSteps(setup, run, executable, log);
    const { ema } = await snapshot(setup, executable, done, seconds);
    const completed = done === setup.iterations;
    if (completed) await saveModel(join(run.folder, resultFile[setup.kind]), ema);
    return { model: ema, folder: run.folder, completed, step: done, log: log.records };
  } finally {
    await executable.dispose();
  }
}

async function takeSteps(
  setup: TrainSetup,
  run: Run,
  executable: Executable,
  log: Log,
): Promise<{ done: number; seconds: number }> {
  const { iterations, batches, batchSize, logEvery, checkpointEvery, signal, objective, learningRate } = setup;
  const prepare = (step: number): Promise<HostTensors> => {
    const feeds = batches.batch(step).then((batch) => trainFeeds(setup, { step, iterations }, batch));
    feeds.catch(() => undefined); // reported when it is awaited
    return feeds;
  };

  let done = run.from?.step ?? 0;
  let { checkpoint } = run;
  const started = performance.now() - 1000 * (run.from?.seconds ?? 0);
  const elapsed = (): number => (performance.now() - started) / 1000;
  let logged = { done, seconds: elapsed() };
  const save = async (): Promise<void> => {
    const state = await snapshot(setup, executable, done, elapsed());
    for (const tensors of [state.model.params, state.ema.params, state.optimizer]) {
      requireFiniteState(tensors, done, checkpoint);
    }
    checkpoint = await saveCheckpoint(run.folder, state);
  };

  const reporter = showProgress(setup.progress, objective.name, iterations, done);
  try {
    let next = done < iterations ? prepare(done) : undefined;
    while (next !== undefined && !signal?.aborted) {
      const progress = { step: done, iterations };
      const running = executable.run(await next);
      // The next step's data and noise are prepared while this step runs.
      next = done + 1 < iterations ? prepare(done + 1) : undefined;
      const quantities = await readScalars(await running);
      done++;
      requireFinite(quantities, done, checkpoint);
      reporter.step(done);

      if (done === 1 || done % logEvery === 0 || done === iterations) {
        const seconds = elapsed();
        const { loss = NaN, gradientNorm = NaN, ...metrics } = quantities;
        const schedules = Object.entries(objective.schedules).map(([name, schedule]) => [name, schedule(progress)]);
        const imagesPerSecond = ((done - logged.done) * batchSize) / (seconds - logged.seconds);
        const record = {
          ...{ step: done, loss, ...metrics, gradientNorm, learningRate: learningRate(progress) },
          ...(Object.fromEntries(schedules) as Record<string, number>),
          ...{ imagesPerSecond, seconds },
        };
        logged = { done, seconds };
        await log.append(record);
        reporter.record(record);
        setup.onLog(record);
      }
      if (done % checkpointEvery === 0 && done < iterations) await save();
    }
    await save();
    return { done, seconds: elapsed() };
  } finally {
    reporter.stop();
  }
}

/** Values of a step's outputs, which are few and small; their device memory is released. */
async function readScalars(outputs: Readonly<Record<string, DeviceTensor>>): Promise<Record<string, number>> {
  const values: Record<string, number> = {};
  for (const [name, tensor] of Object.entries(outputs)) {
    values[name] = (await tensor.read()).data[0]!;
    tensor.dispose();
  }
  return values;
}
