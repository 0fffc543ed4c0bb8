import type { MetricResult } from '@flowmap/eval';
import { z } from 'zod';

const result: z.ZodType<MetricResult> = z.object({
  value: z.number(),
  std: z.number().optional(),
  protocol: z.object({
    metric: z.string(),
    extractor: z.string(),
    weights: z.string().nullable(),
    resize: z.string(),
    samples: z.number(),
    reference: z.string().nullable(),
    seed: z.number().nullable(),
    version: z.number(),
  }),
}) as z.ZodType<MetricResult>;

const results = z.object({ results: z.record(z.string(), result) });

/** Values by metric, each with its protocol. */
export type Results = Readonly<Record<string, MetricResult>>;

/** A table of the values, and below it the protocol of each. */
export async function resultLines(values: Results): Promise<string[]> {
  const { protocolText } = await import('@flowmap/eval');
  const width = Math.max(...Object.keys(values).map((name) => name.length));
  const rows = Object.entries(values).map(([name, { value, std }]) => {
    return `${name.padEnd(width)}  ${value.toPrecision(6)}${std === undefined ? '' : ` ± ${std.toPrecision(2)}`}`;
  });
  return [...rows, ...Object.values(values).map(({ protocol }) => `  ${protocolText(protocol)}`)];
}

/**
 * Keeps values as JSON.
 *
 * @throws {WriteError} when the file cannot be written
 */
export async function writeResults(path: string, values: Results): Promise<void> {
  const { writeFileAtomic } = await import('@flowmap/core/node');
  await writeFileAtomic(path, `${JSON.stringify({ results: values }, null, 2)}\n`);
}

/**
 * Reads what {@link writeResults} wrote.
 *
 * @throws {CheckpointError} for another file
 */
export async function readResults(path: string): Promise<Results> {
  const { CheckpointError } = await import('@flowmap/core');
  const { readJsonFile } = await import('@flowmap/core/node');
  const { data } = results.safeParse(await readJsonFile(path));
  if (data !== undefined) return data.results;
  throw new CheckpointError(path, 'holds no results; give a file that `flowmap eval metrics --out` wrote');
}
