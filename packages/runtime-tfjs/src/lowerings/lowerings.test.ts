import { describe } from 'vitest';
import { testLowerings } from '../__fixtures__/lowerings.js';
import { tfjsRuntime } from '../runtime.js';

describe.each(['cpu', 'wasm'])('%s', (backend) => {
  testLowerings(() => tfjsRuntime({ backend }));
});
