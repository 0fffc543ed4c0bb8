import type { Executable, HostTensors } from '@flowmap/tensor';

/** Milliseconds of one run: on the clock, and of all processors. */
export interface Sample {
  readonly wall: number;
  readonly cpu: number;
}

/** Runs a compiled program once. */
export async function timed(executable: Executable, feeds: HostTensors): Promise<Sample> {
  const cpuBefore = process.cpuUsage();
  const before = performance.now();
  const outputs = await executable.run(feeds);
  const wall = performance.now() - before;
  const { user, system } = process.cpuUsage(cpuBefore);
  for (const tensor of Object.values(outputs)) tensor.dispose();
  return { wall, cpu: (user + system) / 1000 };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
