import { createRequire } from 'node:module';
import { availableParallelism, cpus, totalmem } from 'node:os';

const require = createRequire(import.meta.url);
const versionOf = (name: string): string => (require(`${name}/package.json`) as { version: string }).version;

/** The machine: what the figures of a run depend on besides its settings. */
export function machine(): Record<string, string | number> {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}`,
  };
}

/** Versions of the software that computes the figures. */
export function versions(): Record<string, string> {
  return {
    flowmap: versionOf('@flowmap/core'),
    'onnxruntime-node': versionOf('onnxruntime-node'),
    node: process.versions.node,
  };
}
