import { median } from '@flowmap/example-common';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { plainSessions } from '../packages/runtime-onnx/src/session.js';
import { replaceSessions } from './measure.js';
import { peerTasks, taskBatch, taskTraining } from './peer-tasks.js';
import { stepTimes } from './step-times.js';

/**
 * Times the training steps of the peers' tasks in place, off JavaScript's thread and on it, and through
 * onnxruntime-node's own `run`, in turn; prints a table in Markdown.
 */
export async function compareInPlace(threads: number, rounds: number, small: boolean): Promise<void> {
  const options = { device: 'cpu', threads } as const;
  const offThread = await onnxRuntime(options);
  const inPlace = await onnxRuntime({ ...options, offThread: false });
  const restore = replaceSessions(({ ort }) => plainSessions(ort));
  const plain = await onnxRuntime(options);
  restore();

  console.log(
    '| training step | off the thread ms | in place ms | through onnxruntime-node ms | off : in place | node : off |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: | ---: |');
  for (const task of Object.values(peerTasks(small))) {
    const contenders = [offThread, inPlace, plain].map((runtime) => ({
      runtime,
      times: [] as number[],
    }));
    const training = { ...taskTraining(task), batch: taskBatch(task), batchSize: task.batchSize };
    for (let round = 0; round < rounds; round++) {
      for (const { runtime, times } of contenders) {
        times.push(...(await stepTimes({ runtime, ...training, warmupRuns: 2, runs: 4 })));
      }
    }
    const [off, on, theirs] = contenders.map(({ times }) => median(times)) as [number, number, number];
    const cells = [...[off, on, theirs].map((ms) => ms.toFixed(1)), (off / on).toFixed(2), (theirs / off).toFixed(2)];
    console.log(`| ${task.name} | ${cells.join(' | ')} |`);
  }
}
