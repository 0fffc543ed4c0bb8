// Measures every runtime against the reference and writes docs/runtimes.md and docs/runtimes: `npm run runtimes`; its options add runtimes,
// `npm run runtimes -- --help` lists them.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import type { Runtime } from '@flowmap/tensor';
import { compareSpecialValues, measureRuntime } from '@flowmap/tensor/testing';
import { env } from '@tensorflow/tfjs-core';
import { flag, pathOr, runCommand, type Config } from 'flowmap/node';
import { format, resolveConfig } from 'prettier';
import { measureInBrowser } from './browser/measure.js';
import type { Measured } from './browser/runtimes.js';
import { limitOf } from './known-limits.js';
import { root } from './run.js';
import { details, fileOf, overview } from './runtimes-pages.js';
import { specialPrograms } from './special-programs.js';
import { specialResults } from './special-table.js';

/** A runtime's results under its title. */
interface Column extends Measured {
  readonly title: string;
}

const OPTIONS = {
  webgpu: flag("onnxruntime's WebGPU too, be it in software"),
  tfjsNode: pathOr('TensorFlow.js on its native library too; folder of a built @tensorflow/tfjs-node', 'DIR', null),
  browser: flag('what runs in Chromium too'),
};
type Options = Config<typeof OPTIONS>;

const kinds = ['value', 'jvp', 'vjp', 'second order'] as const;
const oracle = referenceRuntime();
const notes = [`${cpus()[0]?.model ?? 'processor'}, Node ${process.versions.node}`];
const columns: Column[] = [];

process.exitCode = await runCommand(
  {
    name: 'npm run runtimes --',
    description: 'Measures every runtime against the reference and writes docs/runtimes.md and docs/runtimes.',
    options: OPTIONS,
    run: writeTable,
    resumes: false,
  },
  process.argv.slice(2),
);

async function writeTable(options: Options): Promise<void> {
  // tfjs-node brings a copy of TensorFlow.js, which otherwise warns of every kernel that another has registered.
  env().set('PROD', true);
  await measureAll(options);
  rmSync(join(root, 'docs/runtimes'), { recursive: true, force: true });
  mkdirSync(join(root, 'docs/runtimes'));
  for (const [name, text] of Object.entries(pages(options))) {
    const path = join(root, 'docs', name);
    writeFileSync(path, await format(text, { ...(await resolveConfig(path)), parser: 'markdown' }));
    console.log(path);
  }
}

/** The overview, and a page for each runtime, by their files in `docs`. */
function pages(options: Options): Record<string, string> {
  const special = specialResults(columns);
  const runtimes = columns.map(({ title, rows }, i) => ({
    title,
    rows: rows.map(({ name, isPrimitive, errors, failures }) => ({
      name,
      isPrimitive,
      relative: kinds.map((kind) => errors[kind]?.relative),
      absolute: kinds.map((kind) => errors[kind]?.absolute),
      isBeyond: failures.length > 0,
    })),
    special: special.rows[i]!,
  }));
  const origin = `Written by \`${command(options)}\`; ${notes.join('; ')}; ${new Date().toISOString().slice(0, 10)}.`;
  const texts = { origin, limits: special.limits, programs: specialPrograms(), beyond: failures() };
  return {
    'runtimes.md': overview(runtimes, texts),
    ...Object.fromEntries(runtimes.map((results) => [`runtimes/${fileOf(results.title)}`, details(results)])),
  };
}

async function measureAll(options: Options): Promise<void> {
  const measure = async (open: Promise<Runtime>): Promise<void> => {
    const runtime = await open;
    console.log(runtime.name);
    const rows = await measureRuntime(runtime, oracle);
    columns.push({ title: runtime.name, rows, special: await compareSpecialValues(runtime, oracle) });
  };
  await measure(onnxRuntime({ device: 'cpu' }));
  if (options.webgpu) {
    notes.push(`onnx (webgpu) on ${basename(process.env['VK_DRIVER_FILES'] ?? "the machine's GPU", '.json')}`);
    await measure(onnxRuntime({ device: 'webgpu' }));
  }
  await measure(tfjsRuntime({ backend: 'cpu' }));
  await measure(tfjsRuntime({ backend: 'wasm' }));
  if (options.tfjsNode !== null) await measure(tfjsRuntime({ tfjsNode: resolve(options.tfjsNode) }));
  else notes.push('without tfjs (tensorflow), whose native library has to be built first (tools/tfjs-node)');
  if (!options.browser) return;
  const { version, results } = await measureInBrowser();
  notes.push(`Chromium ${version}, its WebGL and WebGPU computed on the CPU`);
  for (const [name, measured] of results) columns.push({ title: `${name}, Chromium`, ...measured });
}

function command(options: Options): string {
  const flags = [options.webgpu && '--webgpu', options.tfjsNode && '--tfjs-node DIR', options.browser && '--browser'];
  const given = flags.filter((flag) => typeof flag === 'string' && flag !== '');
  return ['npm run runtimes', ...(given.length > 0 ? ['--', ...given] : [])].join(' ');
}

function failures(): string {
  const found = columns.flatMap(({ title, rows }) =>
    rows.flatMap(({ name, failures }) =>
      failures.map(
        (text) => `- ${title}, ${name}: ${text}. ${limitOf(title, text) ?? 'A fault: there is no known reason.'}`,
      ),
    ),
  );
  const text = found.length === 0 ? 'Every result is within what the contract accepts.' : found.join('\n');
  return `## Beyond what the contract accepts\n\n${text}`;
}
