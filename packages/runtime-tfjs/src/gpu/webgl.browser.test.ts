import { testGpu } from '../__fixtures__/gpu.js';

// A texture stores integers as float32, which is exact up to 2^24.
const limits = ['add', 'sub', 'maximum', 'minimum', 'sum'].map((name) => `${name}: large int32: value`);

testGpu('webgl', ['sin', 'cos', 'select', 'cumsum'], limits);
