import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { takeStep } from './measure.js';
import type { Workload } from './workloads.js';

/** An event of onnxruntime's profile, as far as it is needed here; `dur` in microseconds. */
interface Event {
  readonly cat: string;
  readonly name: string;
  readonly dur: number;
  readonly args?: { readonly op_name?: string };
}

/** Runs of the workload under the profiler, one of them to warm up. */
const RUNS = 6;

/** Where the time of a workload goes, by operator, as a table in Markdown. */
export async function profileTable(workload: Workload, threads: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'flowmap-profile-'));
  try {
    const runtime = await onnxRuntime({ device: 'cpu', threads, profile: join(folder, 'profile') });
    const executable = await runtime.compile(workload.build());
    await executable.writeState(workload.state);
    for (let run = 0; run < RUNS; run++) await takeStep(executable, workload);
    await executable.dispose();
    const [file] = await readdir(folder);
    return tableOf(JSON.parse(await readFile(join(folder, file ?? ''), 'utf8')) as Event[]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function tableOf(events: readonly Event[]): string {
  const totals = new Map<string, { count: number; ms: number }>();
  for (const { cat, name, dur, args } of events) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time') || args?.op_name === undefined) continue;
    const { count, ms } = totals.get(args.op_name) ?? { count: 0, ms: 0 };
    totals.set(args.op_name, { count: count + 1 / RUNS, ms: ms + dur / 1000 / RUNS });
  }
  const all = [...totals.values()].reduce((sum, { ms }) => sum + ms, 0);
  const rows = [...totals]
    .sort(([, a], [, b]) => b.ms - a.ms)
    .filter(([, { ms }]) => ms > 0.002 * all)
    .map(([operator, { count, ms }]) => {
      return `| ${operator} | ${count.toFixed(0)} | ${ms.toFixed(1)} | ${((100 * ms) / all).toFixed(1)} % |`;
    });
  return ['| operator | nodes | ms a step | share |', '| --- | ---: | ---: | ---: |', ...rows].join('\n');
}
