import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { importOnnxFile } from '@flowmap/runtime-onnx/node';
import type { Runtime } from '@flowmap/tensor';
import { compareImported, readImportedGolden } from '../../packages/contract/src/goldens/imported-golden.js';
import type { Check } from './check.js';

/**
 * The models of diffusers in a folder, with the results of `torch.func` there: values, and derivatives with
 * respect to all inputs and parameters.
 */
export async function* checkDiffusers(folder: string, runtime: Runtime): AsyncGenerator<Check> {
  for (const name of ['diffusers-unet', 'diffusers-dit']) {
    const results = join(folder, `${name}.safetensors`);
    if (!existsSync(results)) continue;
    const golden = readImportedGolden(results);
    for (const file of Object.keys(golden.initializers)) {
      const network = await importOnnxFile(join(folder, file));
      const found = await compareImported(runtime, network, file, golden);
      yield* [
        { model: file, what: 'output', got: found.output, limit: 1e-5 },
        { model: file, what: 'derivative along points and times', got: found.jvp, limit: 1e-4 },
        { model: file, what: `gradients by all ${found.compared} parameters`, got: found.gradient, limit: 1e-4 },
      ];
    }
  }
}
