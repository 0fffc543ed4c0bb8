import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { causeText, FlowmapError } from '@flowmap/core';
import { trainVelocityField, type TrainVelocityFieldOptions } from '@flowmap/train/node';
import type { Random } from '../fuzz/random.js';
import { faultyFiles, type Trouble } from './faulty-files.js';
import { Fault } from './faults.js';
import { filesIn, mustEnd, stopAfter, training, wholeRun, type Whole } from './training.js';

/** A call of training that is disturbed. */
interface Scenario {
  readonly name: string;
  /** The folder from which it starts; none for a new run. */
  readonly from: string | undefined;
  readonly options: (out: string) => TrainVelocityFieldOptions;
  readonly whole: Whole;
  /** Its file operations when nothing fails. */
  readonly operations: number;
}

/** Everything that can be done to it. */
export interface CrashPoints {
  /** Every operation in every scenario, before, within and after, and each way of failing. */
  readonly all: readonly Point[];
  /** @throws {Fault} */
  readonly tryPoint: (point: Point, random?: Random) => Promise<void>;
}

/** A place where something fails. */
export interface Point extends Trouble {
  readonly scenario: number;
}

export async function crashPoints(scratch: string): Promise<CrashPoints> {
  const at = (name: string): string => join(scratch, name);
  const whole = await wholeRun(training(at('whole')));
  await stopAfter(3, training(at('stopped')));
  const shorter = (out: string): TrainVelocityFieldOptions => training(out, { iterations: 4 });
  const longer = (out: string): TrainVelocityFieldOptions => training(out, { whenFinished: 'extend' });
  await wholeRun(shorter(at('short')));
  cpSync(at('short'), at('extended'), { recursive: true });
  const extended = await wholeRun(longer(at('extended')));
  const given = [
    { name: 'a new run', from: undefined, options: training, whole },
    { name: 'a resumed run', from: at('stopped'), options: training, whole },
    { name: 'an extended run', from: at('short'), options: longer, whole: extended },
  ];
  const scenarios: Scenario[] = [];
  let number = 0;
  const start = (from: string | undefined): string => {
    const out = at(`disturbed-${number++}`);
    if (from !== undefined) cpSync(from, out, { recursive: true });
    else mkdirSync(out);
    return join(out, from === undefined ? 'run' : '');
  };
  for (const scenario of given) {
    const out = start(scenario.from);
    const { files } = await disturb(scenario.options(out), { at: Infinity, when: 'before', how: 'EIO' });
    scenarios.push({ ...scenario, operations: files.count });
    rmSync(out, { recursive: true });
  }

  const ways: readonly Pick<Trouble, 'when' | 'how'>[] = [
    ...(['before', 'within', 'after'] as const).map((when) => ({ when, how: 'crash' as const })),
    ...(['EIO', 'ENOSPC'] as const).flatMap((how) => [
      { when: 'before' as const, how },
      { when: 'within' as const, how },
    ]),
  ];
  return {
    all: scenarios.flatMap(({ operations }, scenario) =>
      Array.from({ length: operations }, (_, at) => ways.map((way) => ({ scenario, at, ...way }))).flat(),
    ),
    async tryPoint({ scenario, ...trouble }, random) {
      const { name, from, options, whole, operations } = scenarios[scenario]!;
      const out = start(from);
      const failed: string[] = [];
      try {
        failed.push(await disturbed(options(out), trouble));
        // A run that continues is disturbed again now and then.
        if (random?.once(3)) failed.push(await disturbed(options(out), { ...trouble, at: random.below(operations) }));
        await mustEnd(options(out), whole);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        const where = `${name}, ${trouble.how} at ${failed.join(' and ')}`;
        throw new Fault(error.kind, `${where}: ${error.message}`, { cause: error });
      }
      rmSync(from === undefined ? join(out, '..') : out, { recursive: true });
    },
  };
}

/**
 * Trains until something fails; after a crash the folder is as the process left it.
 *
 * @returns what failed
 */
async function disturbed(options: TrainVelocityFieldOptions, trouble: Trouble): Promise<string> {
  const { error, files } = await disturb(options, trouble);
  const failed = files.failed ?? 'nothing';
  if (files.failed === undefined && error === undefined) return failed;
  if (trouble.how === 'crash') {
    bury(join(options.out, 'lock'));
    return failed;
  }
  if (error !== undefined && !(error instanceof FlowmapError)) {
    throw new Fault('uncaught error', `${causeText(error)} at ${failed}`, { cause: error });
  }
  // A process that fails but lives leaves no file half-written.
  const left = existsSync(options.out) ? filesIn(options.out).filter((file) => /-[0-9a-f]{12}\.tmp$/.test(file)) : [];
  const isExcused = /^(rm|rmSync|rename) /.test(failed);
  if (left.length > 0 && !isExcused) throw new Fault('stray file', `${left.join(', ')} at ${failed}`);
  if (!isExcused && existsSync(join(options.out, 'lock'))) throw new Fault('stray file', `lock at ${failed}`);
  // A lock that could not be removed belongs to this process until it ends.
  rmSync(join(options.out, 'lock'), { force: true });
  return failed;
}

async function disturb(
  options: TrainVelocityFieldOptions,
  trouble: Trouble,
): Promise<{ readonly error: unknown; readonly files: ReturnType<typeof faultyFiles> }> {
  const files = faultyFiles(trouble);
  try {
    await trainVelocityField(options);
    return { error: undefined, files };
  } catch (error) {
    return { error, files };
  } finally {
    files.mend();
  }
}

/** A process that has ended. */
const dead = spawnSync('true').pid;

/** Makes the lock of this process that of one that has ended. */
function bury(lock: string): void {
  for (const path of [lock, `${lock}.next`].filter((file) => existsSync(file))) {
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace(`"pid":${process.pid}`, `"pid":${dead}`));
  }
}
