import { mlp, type Dataset } from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { ayfEmd } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import type { ExampleRun } from '../example-run.js';

const training = { iterations: 6, batchSize: 8, learningRate: 1e-3 };

/** A very short run on points with every stage: teacher, weak teacher, guided distillation, adversarial finetuning. */
export async function leversRun(out: string, onBatch: () => void = () => undefined): Promise<ExampleRun> {
  const data = checkerboard();
  const watched: Dataset = {
    ...data,
    batch(indices) {
      if (indices.length === training.batchSize) onBatch(); // not for the samples by which a run identifies its data
      return data.batch(indices);
    },
  };
  return {
    subject: 'Points',
    runtime: await onnxRuntime({ device: 'cpu', threads: 1 }),
    data: watched,
    teacher: { ...training, network: mlp({ shape: [2], width: 8, depth: 1 }) },
    student: { ...training, objective: ayfEmd() },
    guidance: { weak: { ...training, network: mlp({ shape: [2], width: 4, depth: 1 }) }, scale: 2, upTo: 3 },
    finetuning: {
      iterations: 6,
      learningRate: 1e-3,
      objective: ayfEmd({ warmupSteps: 1 }),
      adversarial: {
        weight: 0.1,
        learningRate: 1e-3,
        judge: 'teacher',
        steps: 2,
        penalty: { weight: 0.1, every: 2 },
        augmented: false,
      },
    },
    seed: 0,
    out,
    options: { stages: 4 },
    presentation: { picture: () => Promise.resolve(Uint8Array.of(1)) },
    samples: 256,
    signal: new AbortController().signal,
    progress: 'none',
    print: () => undefined,
  };
}
