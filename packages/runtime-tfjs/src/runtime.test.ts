import { describeRuntime } from '@flowmap/tensor/testing';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from './index.js';

describeRuntime('tfjs (cpu)', () => tfjsRuntime({ backend: 'cpu' }), { oracle: referenceRuntime });
describeRuntime('tfjs (wasm)', () => tfjsRuntime({ backend: 'wasm' }), { oracle: referenceRuntime });
