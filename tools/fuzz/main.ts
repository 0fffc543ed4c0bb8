// Fuzzes the decoders: npm run fuzz -- [--decoder NAME] [--runs N] [--seed S] [--seconds T] [--keep], or --replay FILE.
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { causeText } from '@flowmap/tensor';
import { check } from './check.js';
import { decoders } from './decoders.js';
import { saveInput } from './files.js';
import { CURRENT, type WorkerMessage, type WorkerResult } from './worker-messages.js';

const usage = `usage: npm run fuzz -- [options]

  --decoder NAME  ${Object.keys(decoders).join(', ')}; all of them unless given
  --runs N        inputs for each decoder; 10000 unless given
  --seed S        decides the inputs; 0 unless given
  --seconds T     ends a decoder's run early; for all decoders together
  --keep          adds inputs that reach something new to the corpus
  --replay FILE   decodes one file and says what it does; its folder names the decoder unless --decoder does`;

/** Milliseconds of silence after which a worker counts as hanging. */
const SILENCE = 120_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      decoder: { type: 'string' },
      runs: { type: 'string', default: '10000' },
      seed: { type: 'string', default: '0' },
      seconds: { type: 'string', default: 'Infinity' },
      keep: { type: 'boolean', default: false },
      replay: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const named = values.decoder ?? (values.replay === undefined ? undefined : basename(dirname(resolve(values.replay))));
  if (named !== undefined && !Object.hasOwn(decoders, named)) throw new RangeError(`no decoder '${named}'\n\n${usage}`);
  for (const [option, text] of Object.entries({ runs: values.runs, seed: values.seed, seconds: values.seconds })) {
    if (!(Number(text) >= 0)) throw new RangeError(`--${option}: wanted a number >= 0, got '${text}'`);
  }
  const scratch = mkdtempSync(join(tmpdir(), 'flowmap-fuzz-'));
  try {
    if (values.replay !== undefined) {
      await replay(named!, values.replay, scratch);
      return;
    }
    const names = named === undefined ? Object.keys(decoders) : [named];
    for (const name of names) {
      const seconds = Number(values.seconds) / names.length;
      const result = await work(name, [values.runs, values.seed, String(seconds)], scratch, values.keep);
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
      if (!result) {
        const path = saveInput(name, 'crash', readFileSync(join(scratch, CURRENT)));
        console.error(`${name}: the process ended with ${signal ?? code} or hung at ${path}`);
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

await main().catch((error: unknown) => {
  console.error(`error: ${causeText(error)}`);
  process.exitCode = 1;
});
