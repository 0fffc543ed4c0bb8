import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { importOnnx } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { expect, test } from 'vitest';
import { compareImported, readImportedGolden } from './goldens/imported-golden.js';

const folder = join(import.meta.dirname, 'goldens/imported');

// Both compute in float64, but the results are stored in float32, and the library computes its sines of times in
// float32.
test.each(['diffusers-unet', 'diffusers-dit'])(
  '%s, exported by either exporter of PyTorch, has its derivatives',
  async (name) => {
    const golden = readImportedGolden(join(folder, `${name}.safetensors`));
    for (const [file, places] of Object.entries(golden.initializers)) {
      const network = importOnnx(readFileSync(join(folder, file)), { source: file });
      expect(Object.keys(places).sort()).toEqual(Object.keys(golden.gradients).sort());
      const { output, jvp, gradient } = await compareImported(referenceRuntime(), network, file, golden);
      expect(
        [output, Math.max(jvp, gradient)].map((error, i) => error <= [1e-5, 1e-4][i]!),
        file,
      ).toEqual([true, true]);
    }
  },
);

/** Parameters that tf2onnx folds into others. */
const FOLDED: Readonly<Record<string, RegExp>> = {
  'tf-attention': /^(1\.\S*\/bias|6\.\S*\/embeddings)$/,
  'tf-convolutional': /^0\.conv2d\w*\/kernel$|\/(gamma|beta)$|\/alpha$/,
};

test.each(['tf-mlp', 'tf-convolutional', 'tf-unet', 'tf-attention'])(
  '%s of TensorFlow, converted by tf2onnx, has the derivatives of GradientTape',
  async (name) => {
    const folder = join(import.meta.dirname, 'goldens/tensorflow');
    const golden = readImportedGolden(join(folder, `${name}.safetensors`));
    for (const [file, places] of Object.entries(golden.initializers)) {
      const network = importOnnx(readFileSync(join(folder, file)), { source: file });
      const kept = Object.keys(golden.gradients).filter((parameter) => FOLDED[name]?.test(parameter) !== true);
      expect(Object.keys(places).sort()).toEqual(kept.sort());
      const { output, jvp, gradient } = await compareImported(referenceRuntime(), network, file, golden);
      expect(
        [output, Math.max(jvp, gradient)].map((error, i) => error <= [1e-5, 1e-4][i]!),
        file,
      ).toEqual([true, true]);
    }
  },
);
