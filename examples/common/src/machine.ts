import { createRequire } from 'node:module';
import { availableParallelism, cpus, totalmem } from 'node:os';

const require = createRequire(import.meta.url);
const versionOf = (name: string): string => (require(`${name}/package.json`) as { version: string }).version;

/** What the figures of a run depend on besides its settings: the machine. */
export function machine(): Record<string, string | number> {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}`,
  };
}

/** Versions of what computes the figures. */
export function versions(): Record<string, string> {
  return {
    flowmap: versionOf('@flowmap/core'),
    'onnxruntime-node': versionOf('onnxruntime-node'),
    node: process.versions.node,
  };
}
