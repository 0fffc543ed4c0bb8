// A small example as a command: its arguments are the folder, the number of distillation steps and the number of
// evaluation samples.
import { mlp } from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { ayfEmd } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { runCommand } from 'flowmap/node';
import { runExample } from '../run-example.js';

const [out = '', iterations, samples] = process.argv.slice(2);
const training = { batchSize: 8, learningRate: 1e-3 };

process.exitCode = await runCommand(
  {
    name: 'test',
    description: 'A small example.',
    options: {},
    run: async (_, context) =>
      runExample({
        subject: 'Points',
        runtime: await onnxRuntime({ device: 'cpu', threads: 1 }),
        data: checkerboard(),
        teacher: { ...training, iterations: 6, network: mlp({ shape: [2], width: 8, depth: 1 }) },
        student: { ...training, iterations: Number(iterations), objective: ayfEmd() },
        seed: 0,
        out,
        options: {},
        presentation: { picture: () => Promise.resolve(Uint8Array.of(1)) },
        samples: Number(samples),
        ...context,
      }),
  },
  [],
);
