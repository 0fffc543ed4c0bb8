// Fuzzes the decoders: npm run fuzz -- [--decoder NAME] [--runs N] [--seed S] [--seconds T] [--keep], or --replay FILE.
import { fork } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { ConfigError } from '@flowmap/core';
import { choice, flag, pathOr, positive, runCommand, whole, type CommandContext, type Config } from 'flowmap/node';
import { check } from './check.js';
import { decoders } from './decoders.js';
import { saveInput } from './files.js';
import { CURRENT, type WorkerMessage, type WorkerResult } from './worker-messages.js';

const OPTIONS = {
  decoder: choice('the decoder to fuzz; all of them unless given', Object.keys(decoders), null),
  runs: whole('inputs for each decoder', 10_000),
  seed: whole('decides the inputs', 0, 0),
  seconds: positive("ends a decoder's run early; for all decoders together", null),
  keep: flag('add inputs that reach something new to the corpus'),
  replay: pathOr(
    'decodes one file and says what it does; its folder names the decoder unless --decoder does',
    'FILE',
    null,
  ),
};

/** Milliseconds of silence after which a worker counts as hanging. */
const SILENCE = 120_000;

async function fuzz(
  { decoder, replay: file, ...options }: Config<typeof OPTIONS>,
  { signal: stop }: CommandContext,
): Promise<void> {
  const named = decoder ?? (file === null ? undefined : basename(dirname(resolve(file))));
  if (named !== undefined && !Object.hasOwn(decoders, named)) {
    throw new ConfigError('decoder', `wanted one of ${Object.keys(decoders).join(', ')}, got the folder '${named}'`);
  }
  const scratch = mkdtempSync(join(tmpdir(), 'flowmap-fuzz-'));
  try {
    if (file !== null) {
      await replay(named!, file, scratch);
      return;
    }
    const names = named === undefined ? Object.keys(decoders) : [named];
    for (const name of names) {
      const seconds = (options.seconds ?? Infinity) / names.length;
      const result = await work(name, [options.runs, options.seed, seconds].map(String), scratch, options.keep, stop);
      stop.throwIfAborted();
      console.log(sentence(name, result));
      if (!result || result.faults > 0) process.exitCode = 1;
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

async function replay(name: string, file: string, scratch: string): Promise<void> {
  const { accepted, cpuSeconds, rise, fault } = await check(decoders[name]!, readFileSync(file), scratch);
  const did = fault ? `${fault.kind}\n${fault.message}` : accepted ? 'accepted' : 'refused as it should be';
  console.log(`${name}, ${cpuSeconds.toFixed(3)} s, memory + ${rise.toFixed(0)} MiB: ${did}`);
  if (fault) process.exitCode = 1;
}

/** Runs a worker; undefined when it dies or hangs, after its last input was saved. */
function work(
  name: string,
  options: readonly string[],
  scratch: string,
  keep: boolean,
  stop: AbortSignal,
): Promise<WorkerResult | undefined> {
  const args = [name, ...options, scratch, keep ? 'keep' : ''];
  const child = fork(join(import.meta.dirname, 'worker.ts'), args);
  return new Promise((done) => {
    let result: WorkerResult | undefined;
    const hang = (): NodeJS.Timeout => setTimeout(() => child.kill('SIGKILL'), SILENCE);
    let timer = hang();
    child.on('message', (message: WorkerMessage) => {
      clearTimeout(timer);
      timer = hang();
      if ('result' in message) result = message.result;
    });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (!result && !stop.aborted) {
        const current = join(scratch, CURRENT);
        const at = existsSync(current) ? `at ${saveInput(name, 'crash', readFileSync(current))}` : 'before any input';
        console.error(`${name}: the process ended with ${signal ?? code} or hung ${at}`);
      }
      done(result);
    });
  });
}

function sentence(name: string, result: WorkerResult | undefined): string {
  if (!result) return `${name}: not finished`;
  const { inputs, accepted, kept, slowest, rise, growth, faults } = result;
  return (
    `${name}: ${inputs} inputs, ${accepted} accepted, ${kept} reached something new, ${faults} faults, ` +
    `slowest ${slowest.toFixed(3)} s, memory + ${rise.toFixed(0)} MiB for one, + ${growth.toFixed(0)} MiB in the end`
  );
}

const code = await runCommand(
  { name: 'npm run fuzz --', description: 'Decodes changed files with every decoder.', options: OPTIONS, run: fuzz },
  process.argv.slice(2),
);
if (code !== 0) process.exitCode = code;
