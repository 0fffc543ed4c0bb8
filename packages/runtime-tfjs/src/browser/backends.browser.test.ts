import { referenceRuntime } from '@flowmap/runtime-reference';
import { describeRuntime } from '@flowmap/tensor/testing';
import { describe } from 'vitest';
import { testLowerings } from '../__fixtures__/lowerings.js';
import { testTraining } from '../__fixtures__/training.js';
import { tfjsRuntime } from '../runtime.js';

describe.each(['webgl', 'webgpu'])('%s', (backend) => {
  const open = () => tfjsRuntime({ backend });
  describeRuntime(`tfjs (${backend})`, open, { oracle: referenceRuntime });
  testTraining(backend, open);
  testLowerings(open);
});
