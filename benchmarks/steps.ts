import { cpus } from 'node:os';
import { onnxRuntime, toOnnx } from '@flowmap/runtime-onnx';
import type { Executable, Runtime } from '@flowmap/tensor';
import { median } from '@flowmap/example-common';
import { milliseconds, takeStep, watchSessions, type Sample } from './measure.js';
import { profileTable } from './profile.js';
import { ditWorkload, matmulWorkload, unetWorkload, type Workload } from './workloads.js';

/** A workload, compiled, with what its preparation took in milliseconds. */
interface Prepared {
  readonly workload: Workload;
  readonly executable: Executable;
  readonly build: number;
  readonly lower: number;
  readonly session: number;
  readonly nodes: number;
}

/** How the steps are timed. */
export interface StepOptions {
  readonly runs: number;
  readonly threads: number;
  /** True adds a table of operators. */
  readonly profile: boolean;
}

/** Times the fused training step and its parts in turn with a matrix product; prints a table in Markdown. */
export async function timeSteps({ runs, threads, profile }: StepOptions): Promise<void> {
  watchSessions();
  const runtime = await onnxRuntime({ device: 'cpu', threads });
  const workloads = [matmulWorkload(), ditWorkload(), unetWorkload()];

  const prepared: Prepared[] = [];
  for (const workload of workloads) prepared.push(await prepare(runtime, workload));

  // Interleaved, so that a change of the machine's speed meets all alike; the first two rounds warm up.
  const samples = prepared.map((): Sample[] => []);
  for (let round = 0; round < runs + 2; round++) {
    for (const [i, { workload, executable }] of prepared.entries()) {
      const row: Sample[] = [];
      for (let run = 0; run < workload.repeats; run++) row.push(await takeStep(executable, workload));
      if (round >= 2) samples[i]!.push(row.reduce((best, run) => (run.wall < best.wall ? run : best)));
    }
  }

  const wall = samples.map((runs) => median(runs.map((run) => run.wall)));
  const host = samples.map((runs) => median(runs.map((run) => 1 - run.session / run.wall)));
  const speed = prepared.map(({ workload }, i) => workload.flops / wall[i]! / 1e6);
  console.log(`${cpus()[0]?.model ?? 'processor'}, ${String(threads)} threads, Node ${process.versions.node}`);
  console.log(`medians of ${runs} interleaved runs\n`);
  console.log(
    '| program | nodes | build + differentiate ms | lower ms | session ms | run ms | GFLOP/s | of matmul | host share |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const [i, { workload, build, lower, session, nodes }] of prepared.entries()) {
    const cells = [
      workload.name,
      String(nodes),
      ...[build, lower, session, wall[i]!].map((ms) => ms.toFixed(0)),
      speed[i]!.toFixed(1),
      (speed[i]! / speed[0]!).toFixed(2),
      `${(100 * host[i]!).toFixed(1)} %`,
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
  for (const { executable } of prepared) await executable.dispose();

  if (profile) {
    for (const workload of workloads.slice(1)) {
      console.log(`\n${workload.name}, per operator\n\n${await profileTable(workload, threads)}`);
    }
  }
}

async function prepare(runtime: Runtime, workload: Workload): Promise<Prepared> {
  const [program, build] = await milliseconds(() => workload.build());
  const [, lower] = await milliseconds(() => toOnnx(program));
  const [executable, compile] = await milliseconds(() => runtime.compile(program));
  await executable.writeState(workload.state);
  return { workload, executable, build, lower, session: compile - lower, nodes: program.nodes.length };
}
