// Measures every runtime against the reference and writes docs/runtimes.md: `npm run runtimes`, with `-- --webgpu`
// on a machine that has it, be it in software.
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename, join } from 'node:path';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import type { Runtime } from '@flowmap/tensor';
import { measureRuntime, type Exactness } from '@flowmap/tensor/testing';
import { format, resolveConfig } from 'prettier';
import { root } from './run.js';

const kinds = ['value', 'jvp', 'vjp', 'second order'] as const;
const hasWebgpu = process.argv.includes('--webgpu');
const driver = basename(process.env['VK_DRIVER_FILES'] ?? "the machine's GPU", '.json');
const oracle = referenceRuntime();
const runtimes: readonly Runtime[] = [
  await onnxRuntime({ device: 'cpu' }),
  await tfjsRuntime({ backend: 'cpu' }),
  await tfjsRuntime({ backend: 'wasm' }),
  ...(hasWebgpu ? [await onnxRuntime({ device: 'webgpu' })] : []),
];

const columns = new Map<Runtime, readonly Exactness[]>();
for (const runtime of runtimes) columns.set(runtime, await measureRuntime(runtime, oracle));

const [processor] = cpus();
const text = `# Runtimes

How exact each runtime is: the largest error of every primitive, and of the functions made of primitives, over all cases of
the contract suite, relative to the largest magnitude of each expected result (or to 1, if that is less). The oracle is the
float64 reference runtime, whose derivatives are themselves checked against central differences. The four numbers are those of
the value, the JVP, the VJP, and the second derivatives (gradient of the JVP and JVP of the VJP). An en dash stands where there
is nothing to differentiate: whole numbers, bools and constants; and where a runtime refuses float16 or bfloat16. The contract
accepts 5e-6, 2e-5, 2e-5 and 1e-4; of float16 and bfloat16, whose roundings are 5e-4 and 4e-3, it accepts 8, 16, 16 and 32
roundings.

Written by \`npm run runtimes${hasWebgpu ? ' -- --webgpu' : ''}\`; ${processor?.model ?? 'processor'}, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}${hasWebgpu ? `; WebGPU on ${driver}` : ''}.

## Primitives

${table(true)}

## Functions made of primitives

${table(false)}

${failures()}
`;
const path = join(root, 'docs/runtimes.md');
writeFileSync(path, await format(text, { ...(await resolveConfig(path)), parser: 'markdown' }));
console.log(path);

function table(isPrimitive: boolean): string {
  const names = columns.get(runtimes[0]!)!.filter((row) => row.isPrimitive === isPrimitive);
  const rows = names.map(({ name }) => {
    const cells = runtimes.map((runtime) => cell(columns.get(runtime)!.find((row) => row.name === name)!));
    return `| ${[name, ...cells].join(' | ')} |`;
  });
  const header = ['', ...runtimes.map(({ name }) => name)];
  return [`| ${header.join(' | ')} |`, `| ${header.map(() => '---').join(' | ')} |`, ...rows].join('\n');
}

function cell({ errors }: Exactness): string {
  const shown = kinds.map((kind) => {
    const error = errors[kind];
    return error === undefined ? '–' : error === 0 ? '0' : error.toExponential(0);
  });
  return shown.join(' · ');
}

function failures(): string {
  const found = runtimes.flatMap((runtime) =>
    columns
      .get(runtime)!
      .flatMap(({ name, failures }) => failures.map((text) => `- ${runtime.name}, ${name}: ${text}`)),
  );
  return found.length === 0
    ? 'Every result is within what the contract accepts.'
    : `## Failures\n\n${found.join('\n')}`;
}
