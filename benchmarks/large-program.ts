import { onnxRuntime, toOnnx } from '@flowmap/runtime-onnx';
import type { Executable, Program } from '@flowmap/tensor';
import { median } from '@flowmap/example-common';
import { milliseconds } from './measure.js';
import { largeWorkload } from './workloads.js';

/** Number of sessions: each takes seconds, so a few will do. */
const SESSIONS = 3;

/**
 * Times the preparation of a program of more than 10,000 nodes: tracing, differentiating and simplifying it, lowering
 * it to ONNX, and creating its session; prints a table in Markdown. The first of each is cold, as in a real run.
 *
 * @param rounds rounds of tracing and lowering
 */
export async function timeLargeProgram(rounds: number): Promise<void> {
  const workload = largeWorkload();
  const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
  const [build, lower, session]: [number[], number[], number[]] = [[], [], []];
  let nodes = 0;
  for (let round = 0; round < Math.max(rounds, SESSIONS); round++) {
    const [program, building] = await milliseconds((): Program => workload.build());
    const [, lowering] = await milliseconds(() => toOnnx(program));
    build.push(building);
    lower.push(lowering);
    nodes = program.nodes.length;
    if (round >= SESSIONS) continue;
    const [executable, compiling] = await milliseconds((): Promise<Executable> => runtime.compile(program));
    session.push(compiling - lowering);
    await executable.dispose();
  }
  if (nodes < 10_000) throw new RangeError(`the large program has only ${nodes} nodes`);

  console.log(`\n${workload.name}: a program of ${nodes} nodes\n`);
  console.log('| preparation | first ms | median ms |');
  console.log('| --- | ---: | ---: |');
  for (const [part, times] of [
    ['trace, differentiate, simplify', build],
    ['lower', lower],
    ['session', session],
  ] as const) {
    console.log(`| ${part} | ${times[0]!.toFixed(0)} | ${median(times).toFixed(0)} |`);
  }
}
