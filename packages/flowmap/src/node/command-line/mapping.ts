import type { ImportedModelOptions } from '@flowmap/runtime-onnx';
import { z } from 'zod';
import { words } from './options.js';

/** The option that says how an ONNX file is read. */
export const MAPPING_OPTIONS = {
  mapping: words(
    "how an ONNX file is read, in importedModel's words, such as x=sample,t=timestep,timeScale=1000,prediction=noise,noise=vp,conditions.label=class_labels; or a FILE.json of them",
    'NAME=VALUE,…',
    null,
  ),
};

const mapping = z.strictObject({
  x: z.string(),
  t: z.string(),
  s: z.string().optional(),
  conditions: z.record(z.string(), z.string()).optional(),
  output: z.string().optional(),
  timeScale: z.number().optional(),
  wholeTimes: z.boolean().optional(),
  prediction: z.string().optional(),
  noise: z.looseObject({ name: z.string() }).optional(),
  dataScale: z.number().optional(),
  sigmaData: z.number().optional(),
  shape: z.array(z.int().positive()).min(1).optional(),
  classes: z.array(z.string()).optional(),
});

/**
 * The mapping that a text describes: a file of JSON, or pairs, where `noise.betaMax` is a field of `noise` and the word
 * `noise=vp` its name.
 *
 * @returns options of `importedModel`, of the right types; whether they fit a file is checked there
 * @throws {ConfigError} for what is no mapping, with the place of the fault
 * @throws {CheckpointError} for a file that is missing or no JSON
 */
export async function mappingOf(text: string): Promise<ImportedModelOptions> {
  const { ConfigError } = await import('@flowmap/core');
  const refuse = (problem: string): never => {
    throw new ConfigError('--mapping', `${problem}, got '${text}'`);
  };
  const isFile = text.toLowerCase().endsWith('.json');
  const fields = isFile ? await (await import('@flowmap/core/node')).readJsonFile(text) : fieldsOf(text, refuse);
  const { data, error } = mapping.safeParse(fields);
  if (data !== undefined) return data as ImportedModelOptions;
  const { path, message } = error.issues[0]!;
  return refuse([...(path.length === 0 ? [] : [path.join('.')]), message].join(': '));
}

/** Objects within a mapping. */
const PARTS = ['noise', 'conditions'];

function fieldsOf(text: string, refuse: (problem: string) => never): unknown {
  const fields = new Map<string, unknown>();
  const parts = new Map<string, Map<string, unknown>>();
  for (const pair of text.split(',')) {
    const [, place, value] =
      /^([^=]+)=(.+)$/.exec(pair) ?? refuse(`wanted NAME=VALUE,NAME=VALUE,… or FILE.json; '${pair}' is neither`);
    const [name, ...rest] = (place === 'noise' ? 'noise.name' : place!).split('.') as [string, ...string[]];
    const isPart = PARTS.includes(name);
    if (isPart !== rest.length > 0) refuse(`wanted a name such as x, noise.name or conditions.label, not '${place!}'`);
    const own = isPart ? (parts.get(name) ?? new Map<string, unknown>()) : fields;
    if (isPart) parts.set(name, own);
    const field = isPart ? rest.join('.') : name;
    if (own.has(field)) refuse(`'${place!}' is there twice`);
    own.set(field, valueOf(name, value!));
  }
  const objects = [...parts].map(([name, part]) => [name, Object.fromEntries(part)] as const);
  return Object.fromEntries([...fields, ...objects]);
}

/** Numbers and switches as what they are; a shape is `3x32x32`. */
function valueOf(name: string, text: string): unknown {
  if (name === 'shape') return text.split('x').map(Number);
  if (NAMES.includes(name)) return text;
  if (text === 'true' || text === 'false') return text === 'true';
  return Number.isNaN(Number(text)) ? text : Number(text);
}

/** Options whose values are names in the file, which may look like numbers. */
const NAMES = ['x', 't', 's', 'conditions', 'output'];
