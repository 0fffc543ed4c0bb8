import { median } from '@flowmap/example-common';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import type { Executable } from '@flowmap/tensor';
import { initialState, phasePrograms } from '@flowmap/train';
import { plainSessions } from '../packages/runtime-onnx/src/session.js';
import { replaceSessions } from './measure.js';
import { peerTasks, stepFeeds, taskBatch, taskTraining } from './peer-tasks.js';

const stepsInARow = 4;

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
    const training = taskTraining(task);
    const { student, phase } = training;
    const program = phasePrograms(phase, { student }, { flushDenormals: false }).update;
    const contenders: { executable: Executable; times: number[] }[] = [];
    for (const runtime of [inPlace, plain]) {
      const executable = await runtime.compile(program);
      await executable.writeState(initialState({ student }));
      contenders.push({ executable, times: [] });
    }
    const batch = taskBatch(task);
    // The first round is a warm-up.
    for (let round = 0; round <= rounds; round++) {
      for (const { executable, times } of contenders) {
        for (let step = 0; step < stepsInARow; step++) {
          const feeds = stepFeeds(training, batch, step);
          const start = performance.now();
          const outputs = await executable.run(feeds);
          await outputs['loss']!.read();
          if (round > 0) times.push(performance.now() - start);
        }
      }
    }
    const [ours, theirs] = contenders.map(({ times }) => median(times)) as [number, number];
    console.log(`| ${task.name} | ${ours.toFixed(1)} | ${theirs.toFixed(1)} | ${(theirs / ours).toFixed(2)} x |`);
    for (const { executable } of contenders) await executable.dispose();
  }
}
