import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { importOnnxFile } from '@flowmap/runtime-onnx/node';
import type { Runtime } from '@flowmap/tensor';
import { compareImported, readImportedGolden } from '../../packages/contract/src/goldens/imported-golden.js';
import type { Check } from './check.js';

/** Models in a folder, with the library's own results there: values, and derivatives with respect to inputs and parameters. */
export async function* checkGoldens(folder: string, names: readonly string[], runtime: Runtime): AsyncGenerator<Check> {
  for (const name of names) {
    const results = join(folder, `${name}.safetensors`);
    if (!existsSync(results)) continue;
    const golden = readImportedGolden(results);
    for (const file of Object.keys(golden.initializers)) {
      const network = await importOnnxFile(join(folder, file));
      const found = await compareImported(runtime, network, file, golden);
      yield* [
        { model: file, what: 'output', got: found.output, limit: 1e-5 },
        { model: file, what: 'derivative along points and times', got: found.jvp, limit: 1e-4 },
        { model: file, what: `gradients by ${found.compared} parameters`, got: found.gradient, limit: 1e-4 },
      ];
    }
  }
}
