import { median } from '@flowmap/example-common';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { plainSessions } from '../packages/runtime-onnx/src/session.js';
import { replaceSessions } from './measure.js';
import { peerTasks, taskBatch, taskTraining } from './peer-tasks.js';
import { stepTimes } from './step-times.js';

/**
 * Times the training steps of the peers' tasks in place, off JavaScript's thread and on it, and through
 * onnxruntime-node's own `run`, in turn. Prints a table in Markdown; in brackets how many of its ticks a timer of 10 ms
 * gets, compiling included.
 */
export async function compareInPlace(threads: number, rounds: number, small: boolean): Promise<void> {
  const options = { device: 'cpu', threads } as const;
  const offThread = await onnxRuntime(options);
  const inPlace = await onnxRuntime({ ...options, offThread: false });
  const restore = replaceSessions(({ ort }) => plainSessions(ort));
  const plain = await onnxRuntime(options);
  restore();

  console.log('| training step | off the thread ms | in place ms | through onnxruntime-node ms | off : in place |');
  console.log('| --- | ---: | ---: | ---: | ---: |');
  for (const task of Object.values(peerTasks(small))) {
    const contenders = [offThread, inPlace, plain].map((runtime) => ({
      runtime,
      times: [] as number[],
      timer: ticks(),
    }));
    const training = { ...taskTraining(task), batch: taskBatch(task), batchSize: task.batchSize };
    for (let round = 0; round < rounds; round++) {
      for (const { runtime, times, timer } of contenders) {
        times.push(...(await timer.during(() => stepTimes({ runtime, ...training, warmupRuns: 2, runs: 4 }))));
      }
    }
    const cells = contenders.map(({ times, timer }) => `${median(times).toFixed(1)} (${timer.percent()} %)`);
    const [off, on] = contenders.map(({ times }) => median(times)) as [number, number];
    console.log(`| ${task.name} | ${cells.join(' | ')} | ${(off / on).toFixed(2)} |`);
  }
}

/** How many of its ticks a timer of 10 ms gets. */
function ticks(): { during<T>(call: () => Promise<T>): Promise<T>; percent(): string } {
  let [count, ms] = [0, 0];
  return {
    async during(call) {
      const start = performance.now();
      const timer = setInterval(() => count++, 10);
      try {
        return await call();
      } finally {
        clearInterval(timer);
        ms += performance.now() - start;
      }
    },
    percent: () => ((1000 * count) / ms).toFixed(0),
  };
}
