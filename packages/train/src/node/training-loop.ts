import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Model } from '@flowmap/core';
import { lockChosenFolder, saveModel } from '@flowmap/core/node';
import { RuntimeUnavailableError, type HostTensors } from '@flowmap/tensor';
import { RuntimeLostError } from '../errors.js';
import { trainFeeds } from '../train-feeds.js';
import { saveCheckpoint } from './checkpoints.js';
import { requireFinite, requireFiniteState } from './finite.js';
import { openLog, type Log } from './log.js';
import { openRun, type Run } from './open-run.js';
import type { TrainResult } from './options.js';
import { showNote, showProgress } from './progress.js';
import { loadBar } from './progress-bar.js';
import { nextRunFolder, resultFile } from './run-folder.js';
import type { TrainSetup } from './setup.js';
import { compileSteps, type Steps } from './state.js';

/**
 * Runs a training run to its end, or until it is aborted; resumes it where its folder holds an unfinished one. Until it returns,
 * nobody else can train in that folder.
 */
export async function train(setup: TrainSetup): Promise<TrainResult> {
  await loadBar(setup.progress); // refused before anything is written
  const lock = await lockChosenFolder(async () => (await nextRunFolder(setup.out, setup.limits)).folder);
  try {
    return await trainIn(lock.folder, setup);
  } finally {
    lock.release();
  }
}

async function trainIn(folder: string, setup: TrainSetup): Promise<TrainResult> {
  const run = await openRun(setup, folder);
  for (const note of setup.notes) {
    showNote(setup.progress, setup.objective.name, note);
    setup.onNote(note);
  }
  const log = await openLog(join(run.folder, 'log.jsonl'), run.from?.step ?? 0);
  const steps = await compileSteps(setup, run.from);
  const { done, ema } = await takeSteps(setup, run, steps, log).catch(async (error: unknown) => {
    await steps.dispose().catch(() => undefined); // what failed first is the reason
    throw error;
  });
  await steps.dispose();
  const completed = done === setup.iterations;
  if (completed) await saveModel(join(run.folder, resultFile[setup.kind]), ema);
  return { model: ema, folder: run.folder, completed, step: done, log: log.records };
}

async function takeSteps(setup: TrainSetup, run: Run, steps: Steps, log: Log): Promise<{ done: number; ema: Model }> {
  const { iterations, batches, batchSize, stepsPerRun, logEvery, checkpointEvery } = setup;
  const { signal, objective, learningRate } = setup;
  const prepare = (first: number): Promise<HostTensors[]> | undefined => {
    if (first === iterations) return undefined;
    const feedsOf = async (step: number): Promise<HostTensors> =>
      trainFeeds(setup, { step, iterations }, await batches.batch(step));
    const count = Math.min(stepsPerRun, iterations - first);
    const feeds = Promise.all(Array.from({ length: count }, (_, i) => feedsOf(first + i)));
    feeds.catch(() => undefined); // reported when it is awaited
    return feeds;
  };

  let done = run.from?.step ?? 0;
  let { checkpoint } = run;
  const started = performance.now() - 1000 * (run.from?.seconds ?? 0);
  const elapsed = (): number => (performance.now() - started) / 1000;
  let logged = { done, seconds: elapsed() };
  const save = async (): Promise<Model> => {
    const state = await steps.snapshot(done, elapsed());
    for (const tensors of [state.model.params, state.ema.params, state.optimizer]) {
      requireFiniteState(tensors, done, checkpoint);
    }
    checkpoint = await saveCheckpoint(run.folder, state);
    return state.ema;
  };
  const record = async (quantities: Record<string, number>, seconds: number): Promise<void> => {
    const progress = { step: done - 1, iterations };
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
  };

  const isStopped = async (): Promise<boolean> => {
    await setImmediate(); // a runtime may compute without ever letting the process see signals and timers
    return signal?.aborted === true;
  };

  const reporter = await showProgress(setup.progress, objective.name, iterations, done);
  try {
    let next = prepare(done);
    while (next !== undefined && !(await isStopped())) {
      const [first, feeds, start] = [done, await next, elapsed()];
      const running = steps.take(feeds);
      // The next data and noise are prepared while these steps run.
      next = prepare(first + feeds.length);
      const rows = await running;
      const each = (elapsed() - start) / rows.length;
      for (const quantities of rows) {
        done++;
        requireFinite(quantities, done, checkpoint);
        reporter.step(done);
        if (done === 1 || done % logEvery === 0 || done === iterations) {
          await record(quantities, start + each * (done - first));
        }
      }
      const isDue = Math.floor(done / checkpointEvery) > Math.floor(first / checkpointEvery);
      if (isDue && done < iterations) await save();
    }
    return { ema: await save(), done };
  } catch (error) {
    throw error instanceof RuntimeUnavailableError ? new RuntimeLostError(error, done, checkpoint) : error;
  } finally {
    reporter.stop();
  }
}
