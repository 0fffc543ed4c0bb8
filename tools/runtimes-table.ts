// Measures every runtime against the reference and writes docs/runtimes.md: `npm run runtimes`; its options add columns,
// `npm run runtimes -- --help` lists them.
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import type { Runtime } from '@flowmap/tensor';
import { compareSpecialValues, measureRuntime, type Errors, type Exactness } from '@flowmap/tensor/testing';
import { env } from '@tensorflow/tfjs-core';
import { flag, pathOr, runCommand, type Config } from 'flowmap/node';
import { format, resolveConfig } from 'prettier';
import { measureInBrowser } from './browser/measure.js';
import type { Measured } from './browser/runtimes.js';
import { limitOf } from './known-limits.js';
import { root } from './run.js';
import { specialPrograms } from './special-programs.js';
import { specialTable } from './special-table.js';

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
    description: 'Measures every runtime against the reference and writes docs/runtimes.md.',
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
  const path = join(root, 'docs/runtimes.md');
  writeFileSync(path, await format(report(options), { ...(await resolveConfig(path)), parser: 'markdown' }));
  console.log(path);
}

function report(options: Options): string {
  return `# Runtimes

How exact each runtime is: the largest error of every primitive, and of the functions made of primitives, over all cases of
the contract suite, absolute and relative to the largest magnitude of each expected result. The oracle is the float64 reference
runtime, whose derivatives are themselves checked against central differences. The four numbers are those of the value, the JVP,
the VJP, and the second derivatives (gradient of the JVP and JVP of the VJP). An en dash stands where there is nothing to
differentiate: whole numbers, bools and constants; and where a runtime refuses float16 or bfloat16. The contract accepts 5e-6,
2e-5, 2e-5 and 1e-4 of the largest magnitude, or of 1 if that is less; of float16 and bfloat16, whose roundings are 5e-4 and
4e-3, it accepts 8, 16, 16 and 32 roundings. A result beyond that is marked by an asterisk, and stands at the end with its reason.
TensorFlow.js in a browser was kept from computing small tensors on the CPU, as it does otherwise.

Written by \`${command(options)}\`; ${notes.join('; ')}; ${new Date().toISOString().slice(0, 10)}.

## Primitives

Relative errors:

${table(true, 'relative')}

Absolute errors:

${table(true, 'absolute')}

## Functions made of primitives

Relative errors:

${table(false, 'relative')}

Absolute errors:

${table(false, 'absolute')}

${specialTable(columns)}

${specialPrograms()}

${failures()}
`;
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

function table(isPrimitive: boolean, of: keyof Errors): string {
  const names = columns[0]!.rows.filter((row) => row.isPrimitive === isPrimitive).map(({ name }) => name);
  const rows = names.map((name) => {
    const cells = columns.map(({ rows }) =>
      cell(
        rows.find((row) => row.name === name)!,
        of,
      ),
    );
    return `| ${[name, ...cells].join(' | ')} |`;
  });
  const header = ['', ...columns.map(({ title }) => title)];
  return [`| ${header.join(' | ')} |`, `| ${header.map(() => '---').join(' | ')} |`, ...rows].join('\n');
}

function cell({ errors, failures }: Exactness, of: keyof Errors): string {
  const shown = kinds.map((kind) => {
    const error = errors[kind]?.[of];
    return error === undefined ? '–' : error === 0 ? '0' : error.toExponential(0);
  });
  return shown.join(' · ') + (failures.length > 0 ? ' \\*' : '');
}

function failures(): string {
  const found = columns.flatMap(({ title, rows }) =>
    rows.flatMap(({ name, failures }) =>
      failures.map(
        (text) => `- ${title}, ${name}: ${text}. ${limitOf(title, text) ?? 'A fault: there is no known reason.'}`,
      ),
    ),
  );
  return found.length === 0
    ? 'Every result is within what the contract accepts.'
    : `## Beyond what the contract accepts\n\n${found.join('\n')}`;
}
