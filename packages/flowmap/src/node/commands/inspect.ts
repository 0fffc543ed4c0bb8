import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathArgument, type Config } from '../command-line/options.js';
import { answering, type Answer, type Talk } from './command.js';
import { isOnnx } from './open-imported.js';
import { isFolder } from './open-model.js';

const INSPECT_OPTIONS = {
  path: pathArgument('a checkpoint (.safetensors), an ONNX file, the folder of a run, or a folder of images'),
};

/** `flowmap inspect`: says what a file or folder holds. */
export const inspect = answering({
  name: 'flowmap inspect',
  description: 'Says what a checkpoint, an ONNX file, the folder of a run, or a folder of images holds.',
  options: INSPECT_OPTIONS,
  resumes: false,
  run: lookAt,
});

async function lookAt({ path }: Config<typeof INSPECT_OPTIONS>, talk: Talk): Promise<Answer> {
  const found = await kindOf(path);
  const answer = await LOOKS[found](path, talk);
  for (const [name, value] of Object.entries(answer)) talk.print(`${name.padEnd(16)} ${textOf(value)}`);
  return { is: found, file: path, ...answer };
}

const LOOKS = {
  checkpoint: async (path: string) => (await import('./inspect-checkpoint.js')).inspectCheckpoint(path),
  onnx: async (path: string) => (await import('./inspect-onnx.js')).inspectOnnx(path),
  run: async (path: string) => (await import('./inspect-run.js')).inspectRun(path),
  images: async (path: string, talk: Talk) => (await import('./inspect-images.js')).inspectImages(path, talk),
} satisfies Record<string, (path: string, talk: Talk) => Promise<Answer>>;

async function kindOf(path: string): Promise<keyof typeof LOOKS> {
  if (!(await isFolder(path))) return isOnnx(path) ? 'onnx' : 'checkpoint';
  return existsSync(join(path, 'config.json')) ? 'run' : 'images';
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '-';
  if (typeof value === 'string') return value.replaceAll('\n', '\\n');
  if (typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return value.length === 0 ? 'none' : listText(value);
  const entries = Object.entries(value);
  if (entries.length === 0) return 'none';
  return entries
    .map(([name, inner]) => `${name} ${Array.isArray(inner) ? `[${inner.join(', ')}]` : textOf(inner)}`)
    .join(', ');
}

/** The most items of a list that are shown. */
const SHOWN = 20;

function listText(items: readonly unknown[]): string {
  const more = items.length > SHOWN ? `, and ${items.length - SHOWN} more, which --json lists` : '';
  return `${items.slice(0, SHOWN).map(textOf).join(', ')}${more}`;
}
