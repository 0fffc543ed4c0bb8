import { FlowmapError } from '@flowmap/tensor';
import { reasonOf } from './advice.js';

/** An ONNX model cannot be opened or run, or has a result that cannot be a host tensor. */
export class OnnxModelError extends FlowmapError {
  constructor(
    /** Path of the file, or the number of bytes given. */
    readonly model: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`ONNX model ${shown(model)}: ${message}`, options);
  }
}

/** Text from or about a file, for a message: on one line, and shortened to its beginning and end if long. */
export function shown(text: string, most = 120): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length <= most ? line : `${line.slice(0, most / 2)}…${line.slice(-most / 2)}`;
}

/** onnxruntime's messages when a file is at fault, and what they mean. */
const faults: readonly (readonly [pattern: RegExp, meaning: (...found: string[]) => string])[] = [
  [/protobuf parsing failed/i, () => 'it is no ONNX model, or one that was cut off or damaged'],
  [/does not have a graph/i, () => 'it is no ONNX model: it has no graph'],
  [
    /External data path does not exist: "(.*?)"/,
    (path) => `its external data is not there: it wants ${path}. Put the files that came with it beside it`,
  ],
  [/External data (.*)/, (problem) => `its external data cannot be read: external data ${problem}`],
  [
    /Unsupported model IR version: (\d+), max supported IR version: (\d+)/,
    (has, most) => `it has version ${has} of the format, and onnxruntime reads up to ${most}: ${exportAgain}`,
  ],
  [
    /Opset (\d+) is under development/,
    (opset) => `its operator set ${opset} is newer than this onnxruntime: ${exportAgain}`,
  ],
  [
    /No Op registered for (\S+) with domain_version of (\d+)/,
    (operator, opset) => `operator ${operator} is none of operator set ${opset}`,
  ],
  [
    /No opset import for domain '(.*?)'/,
    (domain) => `it uses operators of domain '${domain}', which it does not import`,
  ],
  [/(\S+) is not a registered function\/op/, (operator) => `onnxruntime has no operator ${operator}`],
  [
    /Could not find an implementation for (\S+?)\(\d+\)/,
    (operator) => `onnxruntime has no operator ${operator} for the types that it is used with`,
  ],
  [/Unsupported data type: 16$/, () => 'it takes or gives bfloat16, which onnxruntime has no arrays for in JavaScript'],
];
const exportAgain = 'export it again for an older one, or install a newer onnxruntime';

/** Why a model was not opened. */
export function reasonNotOpened(cause: unknown): string {
  const said = lineOf(cause);
  for (const [pattern, meaning] of faults) {
    const found = pattern.exec(said);
    if (found) return meaning(...found.slice(1).map((text) => shown(text)));
  }
  return `onnxruntime does not open it: ${plainly(cause)}`;
}

/** Why a run failed. */
export function reasonNotRun(cause: unknown): string {
  return `the run failed: ${plainly(cause)}`;
}

function lineOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).replace(/\s+/g, ' ').trim();
}

/** onnxruntime's own message, without the source location. */
function plainly(cause: unknown): string {
  return shown(reasonOf(lineOf(cause)).replace(/\/onnxruntime_src\/\S+ /, ''), 300);
}
