// Fuzzes one decoder in a process of its own: worker.ts decoder runs seed seconds. The input being decoded is kept
// in a file, so that one that ends the process is not lost.
import { ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { decoders } from './decoders.js';
import { readCorpus, saveInput } from './files.js';
import { fuzz } from './fuzz.js';
import { CURRENT, type WorkerMessage } from './worker-messages.js';

const MAX_FAULTS = 20;
const [name = '', runs, seed, seconds, scratch = '', keep] = process.argv.slice(2);
const decoder = decoders[name]!;
const own = join(scratch, name);
mkdirSync(own, { recursive: true });
const current = openSync(join(scratch, CURRENT), 'w');
let [inputs, told, faults] = [0, 0, 0];
const places = new Set<string>();

const { kept, ...result } = await fuzz(decoder, {
  corpus: readCorpus(name),
  runs: Number(runs),
  seed: Number(seed),
  seconds: Number(seconds),
  scratch: own,
  onInput(bytes) {
    ftruncateSync(current, 0);
    writeSync(current, bytes, 0, bytes.length, 0);
    inputs++;
    if (performance.now() - told < 1000) return;
    told = performance.now();
    process.send?.({ inputs } satisfies WorkerMessage);
  },
  onFault(bytes, { kind, message }) {
    const place = `${kind} ${message.split('\n').slice(0, 3).join(' ')}`;
    if (!places.has(place)) console.error(`${name}: ${kind}, ${saveInput(name, kind, bytes)}\n${message}`);
    places.add(place);
    return ++faults < MAX_FAULTS;
  },
});
if (keep === 'keep') kept.filter((bytes) => bytes.length <= 2048).forEach((bytes) => saveInput(name, 'corpus', bytes));
process.send?.({ result: { ...result, kept: kept.length, faults } } satisfies WorkerMessage);
process.disconnect();
