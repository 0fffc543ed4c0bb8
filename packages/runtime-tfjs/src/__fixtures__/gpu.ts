import { referenceRuntime } from '@flowmap/runtime-reference';
import type { Runtime } from '@flowmap/tensor';
import { describeRuntime, describeSpecialValues, measureRuntime } from '@flowmap/tensor/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { tfjsRuntime } from '../runtime.js';
import { testLowerings } from './lowerings.js';
import { testTraining } from './training.js';

const isWhole = (import.meta as unknown as { env: Record<string, string> }).env['FLOWMAP_BROWSER'] === 'all';

/**
 * A part of the contract on a GPU in a browser or, with `FLOWMAP_BROWSER=all`, all of it, which takes minutes on a
 * software GPU. TensorFlow.js computes small tensors that were never on the GPU on the CPU, which includes most of the
 * contract's tensors, so values and derivatives are compared with this switched off.
 *
 * @param part names of primitives and groups
 * @param limits results of the full contract that the GPU cannot compute, as `primitive: case: derivative`
 */
export function testGpu(backend: 'webgl' | 'webgpu', part: readonly string[], limits: readonly string[]): void {
  const opening = (isForwarded: boolean) => async (): Promise<Runtime> => {
    const runtime = await tfjsRuntime({ backend });
    tf.env().set(`${backend.toUpperCase()}_CPU_FORWARD`, isForwarded);
    return runtime;
  };
  describe('with everything on the GPU', () => {
    const open = opening(false);
    testTraining(backend, open);
    let runtime: Runtime;
    beforeAll(async () => {
      runtime = await open();
    });
    describeSpecialValues(
      () => runtime,
      () => referenceRuntime(),
    );
    if (isWhole) testLowerings(open);
    test('is exact but for its limits', { timeout: 1_800_000 }, async () => {
      const measured = await measureRuntime(await open(), referenceRuntime(), 1, isWhole ? undefined : part);
      const failed = measured.flatMap(({ name, failures }) =>
        failures.map((text) => `${name}: ${text.replace(/: relative error.*/s, '')}`),
      );
      expect(failed).toEqual(isWhole ? limits : []);
    });
  });

  describe('with small tensors on the CPU', () => {
    const only = isWhole ? {} : { only: part.slice(0, 1) };
    describeRuntime(`tfjs (${backend})`, opening(true), { oracle: referenceRuntime, ...only });
  });
}
