import { testGpu } from '../__fixtures__/gpu.js';

// The kernels compute integers in float32, which is exact up to 2^24.
const limits = ['add', 'sub', 'maximum', 'minimum', 'sum'].map((name) => `${name}: large int32: value`);

testGpu('webgpu', ['sin', 'cos', 'select', 'cumsum', 'cast', 'reduceMax', 'softmax'], limits);
