import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  opaqueField,
  unet,
  velocityField,
  vpNoise,
  type Model,
  type Network,
  type OpaqueField,
  type VelocityField,
} from '@flowmap/core';
import { ayfEmd } from '@flowmap/objectives';
import { exportNetwork, importedVelocity, importOnnx, openOnnx } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, normals, sizeOf, type HostTensors } from '@flowmap/tensor';
import { adamw, constantSchedule, objectivePhase, train, trainee } from '@flowmap/train';
import { expect, test } from 'vitest';

const shape = [3, 8, 8];
const batchSize = 2;

const drawn = (size: number, purpose: string, scale = 1): Float32Array =>
  Float32Array.from(normals({ seed: 1, purpose }, size), (value) => scale * value);

/** A small network of ours, none of whose parameters is zero. */
function modelOf(kind: Model['kind'], network: Network): Model {
  const params = Object.entries(network.parameters).map(([name, { shape }]) => {
    return [name, hostTensor(shape, drawn(sizeOf(shape), `${kind} ${name}`, 0.2))] as const;
  });
  return { kind, network, params: Object.fromEntries(params), classes: [] };
}

/**
 * A student that does not start as its teacher: the objective divides its error by the error's size, which
 * would be mere rounding.
 */
const student = modelOf(
  'flowMap',
  unet({ shape, channels: [4], groupSize: 4, conditionWidth: 8, heads: 0, interval: true }),
);

/** Parameters of a student after a few steps of distillation. */
async function distilled(teacher: VelocityField | OpaqueField): Promise<HostTensors> {
  const { network } = student;
  const training = await train({
    runtime: referenceRuntime(),
    trainees: {
      // Dividing gradients by their size would amplify those that are mere rounding errors.
      student: trainee({ model: student, optimizer: adamw({ epsilon: 1e-3 }), learningRate: constantSchedule(1e-2) }),
    },
    phases: [objectivePhase({ network, objective: ayfEmd({ warmupSteps: 2 }), teacher, batchSize, seed: 0 })],
    batches: {
      batchSize,
      batch: (step) => Promise.resolve({ x: drawn(batchSize * sizeOf(shape), `data ${step}`), conditions: {} }),
    },
    iterations: 3,
  });
  return training.model().params;
}

/** The largest difference between parameters, and how far the first have moved from those of `start`. */
function compared(a: HostTensors, b: HostTensors, start: HostTensors): { difference: number; moved: number } {
  let [difference, moved] = [0, 0];
  for (const [name, { data }] of Object.entries(a)) {
    data.forEach((value, i) => {
      difference = Math.max(difference, Math.abs(value - b[name]!.data[i]!));
      moved = Math.max(moved, Math.abs(value - start[name]!.data[i]!));
    });
  }
  return { difference, moved };
}

test('a network of ours in an ONNX file teaches as the network itself', async () => {
  const own = modelOf('velocity', unet({ shape, channels: [8, 8], groupSize: 4, conditionWidth: 8, heads: 2 }));
  const { model } = exportNetwork(own);
  const mapping = { x: 'sample', t: 'timestep', timeScale: 1000 };
  const teacher = importedVelocity(importOnnx(model), mapping);
  const byFile = await distilled(teacher);
  const { difference, moved } = compared(byFile, await distilled(velocityField(own)), student.params);
  // The file's constants, such as the frequencies of its times, are rounded to float32.
  expect(difference).toBeLessThan(1e-6);
  expect(moved).toBeGreaterThan(1e-2);
});

test("diffusers' UNet teaches inside the program as it does when onnxruntime runs its file", async () => {
  const bytes = readFileSync(join(import.meta.dirname, 'goldens/imported/diffusers-unet-dynamo.onnx'));
  const names = { x: 'sample', t: 'timestep' };
  const imported = importedVelocity(importOnnx(bytes), {
    ...names,
    ...{ timeScale: 1000, prediction: 'noise', noise: { name: 'vp' } },
  });
  const model = await openOnnx(bytes, { device: 'cpu', threads: 1 });
  const asked = opaqueField(model, { ...names, velocity: 'out_sample', ...conventions(vpNoise().largest!) });
  const inside = await distilled(imported);
  const { difference, moved } = compared(inside, await distilled(asked), student.params);
  await model.dispose();
  // The file computes in float32, in which times up to 1000 are exact to 3e-5.
  expect(difference).toBeLessThan(1e-4);
  expect(moved).toBeGreaterThan(1e-2);
});

/**
 * The same conventions, computed number by number: noise prediction of "variance preserving" diffusion with
 * betas 0.1 to 20.
 */
function conventions(largest: number): Pick<Parameters<typeof opaqueField>[1], 'time' | 'scale' | 'toVelocity'> {
  const seen = (t: number): number => Math.max(1 - t, t / largest);
  return {
    scale: (t) => 1 / Math.hypot(1 - t, t),
    time(t) {
      const exponent = Math.log1p((t / seen(t)) ** 2);
      return (1000 * 2 * exponent) / (0.1 + Math.sqrt(0.01 + 2 * 19.9 * exponent));
    },
    toVelocity: (z, x, t) => z - (x - t * z) / seen(t),
  };
}
