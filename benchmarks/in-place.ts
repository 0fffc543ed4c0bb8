import { median } from '@flowmap/example-common';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { plainSessions } from '../packages/runtime-onnx/src/session.js';
import { replaceSessions } from './measure.js';
import { peerTasks, taskBatch, taskTraining } from './peer-tasks.js';
import { stepTimes } from './step-times.js';

/**
 * Times the training steps of the peers' tasks in place, off JavaScript's thread and on it, and through
 * onnxruntime-node's own `run`, in turn; prints a table in Markdown. A tick is one of a timer of 10 ms.
 */
export async function compareInPlace(threads: number, rounds: number, small: boolean): Promise<void> {
  const options = { device: 'cpu', threads } as const;
  const offThread = await onnxRuntime(options);
  const inPlace = await onnxRuntime({ ...options, offThread: false });
  const restore = replaceSessions(({ ort }) => plainSessions(ort));
  const plain = await onnxRuntime(options);
  restore();

  console.log(
    '| training step | off the thread ms | ticks | in place ms | ticks | through onnxruntime-node ms | ticks |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const task of Object.values(peerTasks(small))) {
    const contenders = [offThread, inPlace, plain].map((runtime) => ({ runtime, times: [] as number[], ticks: 0 }));
    const training = { ...taskTraining(task), batch: taskBatch(task), batchSize: task.batchSize };
    for (let round = 0; round < rounds; round++) {
      for (const contender of contenders) {
        const { runtime, times } = contender;
        const timer = setInterval(() => contender.ticks++, 10);
        times.push(...(await stepTimes({ runtime, ...training, warmupRuns: 2, runs: 4 })));
        clearInterval(timer);
      }
    }
    const cells = contenders.map(({ times, ticks }) => `${median(times).toFixed(1)} | ${ticks}`);
    console.log(`| ${task.name} | ${cells.join(' | ')} |`);
  }
}
