import { cpus } from 'node:os';
import { onnxRuntime, toOnnx } from '@flowmap/runtime-onnx';
import type { Executable, Runtime } from '@flowmap/tensor';
import { median } from '@flowmap/example-common';
import { milliseconds, takeStep, watchSessions, type Sample } from './measure.js';
import { profileTable } from './profile.js';
import { ditWorkload, matmulWorkload, unetWorkload, wideUnetWorkload, type Workload } from './workloads.js';

/** A compiled workload with the milliseconds that its preparation took. */
interface Prepared {
  readonly name: string;
  readonly workload: Workload;
  readonly stepsPerRun: number;
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
  readonly device: 'cpu' | 'webgpu' | 'cuda';
  /** If more than 1, training steps are also timed with this many in one run. */
  readonly stepsPerRun: number;
  /** True adds a table of operators. */
  readonly profile: boolean;
}

/** Times the fused training step and its parts in turn with a matrix product; prints a table in Markdown. */
export async function timeSteps({ runs, threads, device, stepsPerRun, profile }: StepOptions): Promise<void> {
  watchSessions();
  const runtime = await onnxRuntime({ device, threads });
  const [product, ...trainings] = [matmulWorkload(), ditWorkload(), unetWorkload(), wideUnetWorkload()];

  const prepared = [await prepare(runtime, product, 1)];
  for (const workload of trainings) {
    for (const steps of new Set([1, stepsPerRun])) prepared.push(await prepare(runtime, workload, steps));
  }

  // Interleaved, so that changes in the machine's speed affect all alike; the first two rounds are warm-ups.
  const samples = prepared.map((): Sample[] => []);
  for (let round = 0; round < runs + 2; round++) {
    for (const [i, { workload, stepsPerRun, executable }] of prepared.entries()) {
      const row: Sample[] = [];
      for (let run = 0; run < workload.repeats; run++) row.push(await takeStep(executable, workload, stepsPerRun));
      if (round >= 2) samples[i]!.push(row.reduce((best, run) => (run.wall < best.wall ? run : best)));
    }
  }

  const wall = samples.map((runs) => median(runs.map((run) => run.wall)));
  const host = samples.map((runs) => median(runs.map((run) => 1 - run.session / run.wall)));
  const speed = prepared.map(({ workload }, i) => workload.flops / wall[i]! / 1e6);
  console.log(
    `${cpus()[0]?.model ?? 'processor'}, ${String(threads)} threads, Node ${process.versions.node}, ${runtime.name}`,
  );
  console.log(`medians of ${runs} interleaved runs\n`);
  console.log(
    '| program | nodes | build + differentiate ms | lower ms | session ms | step ms | GFLOP/s | of matmul | host share |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const [i, { name, build, lower, session, nodes }] of prepared.entries()) {
    const cells = [
      name,
      String(nodes),
      ...[build, lower, session, wall[i]!].map((ms) => ms.toFixed(0)),
      speed[i]!.toFixed(1),
      (speed[i]! / speed[0]!).toFixed(2),
      `${(100 * host[i]!).toFixed(1)} %`,
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
  for (const [i, { name, workload, stepsPerRun }] of prepared.entries()) {
    if (stepsPerRun === 1) continue;
    const single = prepared.findIndex((other) => other.workload === workload);
    console.log(`\n${name}: ${(wall[single]! / wall[i]!).toFixed(2)} times as fast as a step a run`);
  }
  for (const { executable } of prepared) await executable.dispose();

  if (profile) {
    for (const workload of trainings) {
      console.log(`\n${workload.name}, per operator\n\n${await profileTable(workload, threads)}`);
    }
  }
}

async function prepare(runtime: Runtime, workload: Workload, stepsPerRun: number): Promise<Prepared> {
  const [program, build] = await milliseconds(() => workload.build());
  const [, lower] = await milliseconds(() => toOnnx(program));
  const [executable, compile] = await milliseconds(() => runtime.compile(program, { stepsPerRun }));
  await executable.writeState(workload.state);
  const name = stepsPerRun === 1 ? workload.name : `${workload.name}, ${stepsPerRun} steps a run`;
  const session = compile - lower;
  return { name, workload, stepsPerRun, executable, build, lower, session, nodes: program.nodes.length };
}
