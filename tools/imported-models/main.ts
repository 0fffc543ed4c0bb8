// Compares imported models of other libraries with the originals: npm run imported-models -- --folder out/models
// docs/onnx.md says where the files come from; those that are not in the folder are left out.
import { DataError } from '@flowmap/core';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { runCommand } from 'flowmap/node';
import { checkEfficientNet } from './efficientnet.js';
import { checkGoldens } from './goldens.js';
import { IMPORTED_MODELS_OPTIONS, requireRead } from './options.js';
import { checkTerrain } from './terrain.js';

const TENSORFLOW = ['tf-mlp', 'tf-convolutional', 'tf-unet', 'tf-attention'];

process.exitCode = await runCommand(
  {
    name: 'npm run imported-models --',
    description: 'Compares imported models of other libraries with the originals, and prints a table in Markdown.',
    options: IMPORTED_MODELS_OPTIONS,
    resumes: false,
    async run(config) {
      await requireRead(config);
      const { folder, only, threads, steps, batchSize } = config;
      const runtime = await onnxRuntime({ device: 'cpu', threads });
      const onStep = (step: number, loss: number): void => {
        if (step % 10 === 0) console.error(`step ${step}: loss ${loss.toFixed(1)}`);
      };
      console.log('| model | what | relative difference | at most |\n| --- | --- | ---: | ---: |');
      const failed: string[] = [];
      let compared = 0;
      const checks = {
        diffusers: () => checkGoldens(folder, ['diffusers-unet', 'diffusers-dit'], runtime),
        tensorflow: () => checkGoldens(folder, TENSORFLOW, runtime),
        efficientnet: () => checkEfficientNet(folder, runtime),
        terrain: () => checkTerrain(folder, { runtime, steps, batchSize, onStep }),
      };
      for (const [models, check] of Object.entries(checks)) {
        if (only !== null && models !== only) continue;
        for await (const { model, what, got, limit } of check()) {
          console.log(`| ${model} | ${what} | ${got.toExponential(1)} | ${limit.toExponential(0)} |`);
          compared++;
          if (!(got <= limit)) failed.push(`${model}: ${what}`);
        }
      }
      if (compared === 0)
        throw new DataError(folder, 'has none of the files that are compared; docs/onnx.md makes them');
      if (failed.length > 0) throw new RangeError(`not as exact as wanted: ${failed.join('; ')}`);
    },
  },
  process.argv.slice(2),
);
