import { pack, unpack } from '../bundle.js';
import { mutateBytes } from './bytes.js';
import { mutateJson } from './json.js';
import { MAX_LENGTH, type Mutator } from './mutator.js';
import { mutateSafetensors } from './safetensors.js';

/** Changes in one file of a run's folder, by its kind; leaves files out, and swaps them. */
export const mutateRunFolder: Mutator = (bytes, random, other) => {
  const files = unpack(bytes);
  const names = Object.keys(files);
  if (names.length === 0) return mutateBytes(bytes, random, other);
  const name = random.pick(names);
  if (random.once(20)) return pack(Object.fromEntries(Object.entries(files).filter(([each]) => each !== name)));
  const from = files[random.pick(names)]!;
  const next = random.once(20) ? from : mutatorOf(name)(files[name]!, random, unpack(other)[name] ?? from);
  return Uint8Array.from(pack({ ...files, [name]: next }).subarray(0, 4 * MAX_LENGTH));
};

function mutatorOf(name: string): Mutator {
  if (name.endsWith('.safetensors')) return mutateSafetensors;
  if (name.endsWith('.json')) return mutateJson;
  return name.endsWith('.jsonl') ? mutateLines : mutateBytes;
}

/** Changes one line of a file of JSON lines. */
const mutateLines: Mutator = (bytes, random, other) => {
  const lines = Buffer.from(bytes).toString().split('\n');
  const at = random.below(lines.length);
  lines[at] = Buffer.from(mutateJson(Buffer.from(lines[at]!), random, other)).toString();
  return Buffer.from(lines.join('\n'));
};
