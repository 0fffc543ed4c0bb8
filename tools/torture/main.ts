// Torments runs: npm run torture -- [--minutes N] [--seed S] [--kind KIND] [--trials N].
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { choice, positive, runCommand, whole, type CommandContext, type Config } from 'flowmap/node';
import { randomOf, type Random } from '../fuzz/random.js';
import { crashPoints } from './crash-points.js';
import { damage } from './damage.js';
import { Fault } from './faults.js';
import { processes, signals, type Processes } from './processes.js';

const KINDS = [
  'crash points',
  'signals',
  'two processes',
  'closed pipes',
  'full disk',
  'bit flips',
  'exchanged',
] as const;
type Kind = (typeof KINDS)[number];
/** Kinds that need no process of their own and little time. */
const IN_PROCESS: readonly Kind[] = ['crash points', 'bit flips', 'exchanged'];
/** Shares of the time. Each trial of signals takes seconds, and there are many of them; damage takes milliseconds. */
const SHARES: Readonly<Record<Kind, number>> = {
  'crash points': 2,
  signals: 8,
  'two processes': 2,
  'closed pipes': 1,
  'full disk': 2,
  'bit flips': 1,
  exchanged: 1,
};

const OPTIONS = {
  minutes: positive('how long, in all', 3),
  seed: whole('decides what is done; a fault names the one that does it again', 0, 0),
  kind: choice('one kind alone; all of them unless given', KINDS, null),
  trials: whole('trials of each kind of process, and ten times as many of others, in place of a time', null),
};

/** Does something to a run; the returned text says how it ended. */
type Trial = (random: Random, number: number) => Promise<string>;

async function torture({ minutes, seed, kind, trials }: Config<typeof OPTIONS>, { signal, print }: CommandContext) {
  const scratch = mkdtempSync(join(tmpdir(), 'flowmap-torture-'));
  const kinds: readonly Kind[] = kind === null ? KINDS : [kind];
  const faults: string[] = [];
  const shares = kinds.reduce((sum, each) => sum + SHARES[each], 0);
  const most = (each: Kind): number => (trials ?? Infinity) * (kind === null && IN_PROCESS.includes(each) ? 10 : 1);
  try {
    const opened = openedKinds(scratch);
    for (const each of kinds) {
      const trial = await opened(each);
      const until = performance.now() + (60_000 * minutes * SHARES[each]) / shares;
      const ends: Record<string, number> = {};
      let number = 0;
      const isOver = (): boolean => (trials === null ? performance.now() > until : number >= most(each));
      for (; !isOver(); number++) {
        signal.throwIfAborted();
        const own = seed + number;
        let how: string;
        try {
          how = await trial(randomOf(own), own);
        } catch (error) {
          if (!(error instanceof Fault)) throw error;
          how = `FAULT, ${error.kind}`;
          faults.push(`--kind '${each}' --trials 1 --seed ${own}: ${error.message}`);
        }
        ends[how] = (ends[how] ?? 0) + 1;
      }
      const counts = Object.entries(ends).map(([how, count]) => `${count} ${how}`);
      print(`${each}: ${number} trials, ${counts.join(', ')}`);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  for (const fault of faults) print(fault);
  print(`${faults.length} faults: wrong weights, mixed runs, silent differences, stray files, uncaught errors`);
  if (faults.length > 0) process.exitCode = 1;
}

/** Opens kinds in a folder; those that start processes share the run with which they are compared. */
function openedKinds(scratch: string): (kind: Kind) => Promise<Trial> {
  const ended = (refused: boolean): string => (refused ? 'refused' : 'ended as if nothing had happened');
  let shared: Promise<Processes> | undefined;
  return async (kind) => {
    if (kind === 'crash points') {
      const { all, tryPoint } = await crashPoints(join(scratch, 'crash-points'));
      return async (random) => {
        await tryPoint(random.pick(all), random);
        return ended(false);
      };
    }
    if (kind === 'bit flips' || kind === 'exchanged') {
      const { flip, exchange } = await damage(join(scratch, kind.replace(' ', '-')));
      return async (random) => ended(await (kind === 'bit flips' ? flip : exchange)(random));
    }
    const { kill, race, closePipes, fill } = await (shared ??= processes(join(scratch, 'processes')));
    return async (random, number) => {
      if (kind === 'signals') await kill(random, signals[number % signals.length]!);
      if (kind === 'two processes') await race(random);
      if (kind === 'closed pipes') await closePipes(random);
      if (kind === 'full disk') await fill(random);
      return ended(false);
    };
  };
}

const code = await runCommand(
  { name: 'npm run torture --', description: 'Torments runs.', options: OPTIONS, run: torture, resumes: false },
  process.argv.slice(2),
);
if (code !== 0) process.exitCode = code;
