import type { Adapter } from './adapter.js';
import type { Measured, Product } from './measure-gpu.js';

/** Measurements of one task. */
export interface TaskReport {
  readonly task: string;
  /** Flowmap first. */
  readonly measured: readonly Measured[];
  /**
   * Largest relative difference (L2) of losses, metrics and gradient norms of two steps, by what they were compared
   * with.
   */
  readonly differences: Readonly<Record<string, number>>;
  /** What could not be measured, and why. */
  readonly notes: readonly string[];
}

/** All results of a run on a GPU. */
export interface GpuReport {
  readonly adapter: Adapter;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly date: string;
  readonly products: readonly Product[];
  readonly tasks: readonly TaskReport[];
}

/** The report in Markdown. */
export function formatReport({ adapter, machine, versions, date, products, tasks }: GpuReport): string {
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `GPU: ${adapter.name}, driver ${adapter.driver}. Machine: ${machine}. ${named.join(', ')}. ${date}.`,
    '',
    'A step is timed from drawing its noise on the host until its loss is read: the median. "Ours is faster by" is their time',
    "over Flowmap's: above 1, Flowmap is faster.",
    '',
    '| matrix product, float32, WebGPU | GFLOP/s |',
    '| --- | ---: |',
    ...products.map(({ size, gflops }) => `| ${size}³ | ${rounded(gflops)} |`),
    ...tasks.flatMap(formatTask),
    '',
  ].join('\n');
}

function formatTask({ task, measured, differences, notes }: TaskReport): string[] {
  const [ours] = measured;
  const rows = measured.map(({ runtime, ms, gflops, samplesPerSecond, peakDeviceMemory }) => {
    const memory = peakDeviceMemory === undefined ? '-' : (peakDeviceMemory / 1e6).toFixed(0);
    const ratio = `${(ms / ours!.ms).toFixed(2)} x`;
    return `| ${[runtime, rounded(ms), rounded(gflops), rounded(samplesPerSecond), ratio, memory].join(' | ')} |`;
  });
  const compared = Object.entries(differences).map(
    ([other, difference]) => `Two steps differ from those of ${other} by ${difference.toExponential(1)} at most.`,
  );
  return [
    ...['', `### ${task}`, ''],
    '| AYF-EMD step | ms | GFLOP/s | samples/s | ours is faster by | device memory MB |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
    ...[...compared, ...notes].flatMap((line) => ['', line]),
  ];
}

/** Three digits, without an exponent. */
function rounded(value: number): string {
  return String(Number(value.toPrecision(value < 1000 ? 3 : 4)));
}
