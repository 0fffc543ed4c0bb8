import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import type { TrainVelocityFieldOptions } from '@flowmap/train/node';
import type { Random } from '../fuzz/random.js';
import { Fault } from './faults.js';
import { filesIn, mustEnd, training, wholeRun } from './training.js';

/** What is done to processes that train. */
export interface Processes {
  /** Sends a signal at a random moment, then continues the run. */
  readonly kill: (random: Random, signal: NodeJS.Signals) => Promise<void>;
  /** Starts two, with the same or other settings, in one folder, and kills one of them now and then. */
  readonly race: (random: Random) => Promise<void>;
  /** Closes the pipes to which it writes. */
  readonly closePipes: (random: Random) => Promise<void>;
  /** Limits the size of files. */
  readonly fill: (random: Random) => Promise<void>;
}

/** Signals that end a process, and some that do not. */
export const signals: readonly NodeJS.Signals[] = (Object.keys(constants.signals) as NodeJS.Signals[]).filter(
  (name) => !['SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGCONT', 'SIGUSR1', 'SIGPROF'].includes(name),
);

const ITERATIONS = 60;

export async function processes(scratch: string): Promise<Processes> {
  const at = (name: string): string => join(scratch, name);
  const victim = await bundled(scratch);
  const options = (out: string, seed = 0): TrainVelocityFieldOptions => training(out, { seed, iterations: ITERATIONS });
  const wholes = [await wholeRun(options(at('seed-0'))), await wholeRun(options(at('seed-1'), 1))];
  let number = 0;
  const fresh = (): string => at(`process-${number++}`);
  const start = (out: string, seed = 0): ChildProcess =>
    spawn(process.execPath, [victim, out, String(seed), String(ITERATIONS)], { stdio: ['ignore', 'pipe', 'pipe'] });
  // An undisturbed process shows how long one takes.
  const timed = fresh();
  const since = performance.now();
  const [code] = (await once(start(timed), 'exit')) as [unknown];
  if (code !== 0) throw new Fault('uncaught error', `the training ends with ${String(code)}`);
  const whole = performance.now() - since;
  const moment = (random: Random): Promise<void> => sleep((whole * (300 + random.below(800))) / 1000);
  const finish = async (out: string, seed: number): Promise<void> => {
    await mustEnd(options(out, seed), wholes[seed]!);
    rmSync(out, { recursive: true });
  };

  return {
    async kill(random, signal) {
      const out = fresh();
      const child = start(out);
      const ended = end(child);
      await moment(random);
      child.kill(signal);
      const { code, name, said } = await ended;
      if (code === 1 || /SyntaxError|UnhandledPromise|throw /.test(said)) {
        throw new Fault('uncaught error', `${signal}: ended with ${code ?? name}: ${said}`);
      }
      await finish(out, 0);
    },
    async race(random) {
      const out = fresh();
      const seeds = [0, random.below(2)];
      const children = seeds.map((seed) => start(out, seed));
      const ends = children.map(end);
      if (random.once(2)) {
        await moment(random);
        random.pick(children).kill('SIGKILL');
      }
      for (const { code, name, said } of await Promise.all(ends)) {
        const isExpected = code === 0 || name === 'SIGKILL' || / is in use by |other settings/.test(said);
        if (!isExpected) throw new Fault('uncaught error', `ended with ${code ?? name}: ${said}`);
      }
      const { run } = existsSync(join(out, 'config.json')) ? settingsIn(out) : { run: { seed: 0 } };
      await finish(out, run.seed);
    },
    async closePipes(random) {
      const out = fresh();
      const child = start(out);
      const ended = once(child, 'exit');
      await moment(random);
      child.stdout!.destroy();
      child.stderr!.destroy();
      const [code, name] = (await ended) as [number | null, NodeJS.Signals | null];
      if (code !== 0) throw new Fault('uncaught error', `with closed pipes it ended with ${code ?? name}`);
      await finish(out, 0);
    },
    async fill(random) {
      const out = fresh();
      const blocks = 1 + random.below(24); // of 1024 bytes
      const command = `ulimit -f ${blocks}; exec "$0" "$@"`;
      const args = ['-c', command, process.execPath, victim, out, '0', String(ITERATIONS)];
      const { code, name, said } = await end(spawn('bash', args, { stdio: ['ignore', 'pipe', 'pipe'] }));
      const isTold = code === 1 && /^error: .*cannot be (written|used)/m.test(said);
      if (!isTold && code !== 0 && name !== 'SIGXFSZ') {
        throw new Fault('uncaught error', `with files of ${blocks} KiB at most: ended with ${code ?? name}: ${said}`);
      }
      const left = existsSync(out) ? filesIn(out).filter((file) => /(-[0-9a-f]{12}\.tmp|lock)$/.test(file)) : [];
      if (isTold && left.length > 0) throw new Fault('stray file', left.join(', '));
      await finish(out, 0);
    },
  };
}

/** How a process ended, and what it printed. */
async function end(
  child: ChildProcess,
): Promise<{ readonly code: number | null; readonly name: NodeJS.Signals | null; readonly said: string }> {
  let said = '';
  child.stderr!.on('data', (chunk) => (said += String(chunk)));
  child.stdout!.resume();
  const [code, name] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, name, said };
}

function settingsIn(folder: string): { readonly run: { readonly seed: number } } {
  return JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as { run: { seed: number } };
}

/** The victim as one file, which starts in a moment. */
async function bundled(scratch: string): Promise<string> {
  const outfile = join(scratch, 'victim', 'bundle', 'victim.mjs');
  mkdirSync(join(scratch, 'victim'), { recursive: true });
  // The library names its version in config.json, and reads it beside itself.
  const manifest = join(import.meta.dirname, '../../packages/train/package.json');
  writeFileSync(join(scratch, 'package.json'), readFileSync(manifest));
  await build({
    entryPoints: [join(import.meta.dirname, 'victim.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@flowmap/source'],
    external: ['onnxruntime-*', '@tensorflow/*', 'sharp', 'koffi', 'cli-progress', 'vitest'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'error',
  });
  return outfile;
}
