import { median } from '@flowmap/example-common';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { plainSessions } from '../packages/runtime-onnx/src/session.js';
import { replaceSessions } from './measure.js';
import { peerTasks, taskBatch, taskTraining } from './peer-tasks.js';
import { stepTimes } from './step-times.js';

/**
 * Times the training steps of the peers' tasks in place and through onnxruntime-node's own `run`, in turn; prints a
 * table in Markdown.
 */
export async function compareInPlace(threads: number, rounds: number, small: boolean): Promise<void> {
  const options = { device: 'cpu', threads } as const;
  const inPlace = await onnxRuntime(options);
  const restore = replaceSessions(({ ort }) => plainSessions(ort));
  const plain = await onnxRuntime(options);
  restore();

  console.log('| training step | in place ms | through onnxruntime-node ms | faster by |');
  console.log('| --- | ---: | ---: | ---: |');
  for (const task of Object.values(peerTasks(small))) {
    const contenders = [inPlace, plain].map((runtime) => ({ runtime, times: [] as number[] }));
    const training = { ...taskTraining(task), batch: taskBatch(task), batchSize: task.batchSize };
    for (let round = 0; round < rounds; round++) {
      for (const { runtime, times } of contenders) {
        times.push(...(await stepTimes({ runtime, ...training, warmupRuns: 2, runs: 4 })));
      }
    }
    const [ours, theirs] = contenders.map(({ times }) => median(times)) as [number, number];
    console.log(`| ${task.name} | ${ours.toFixed(1)} | ${theirs.toFixed(1)} | ${(theirs / ours).toFixed(2)} x |`);
  }
}
