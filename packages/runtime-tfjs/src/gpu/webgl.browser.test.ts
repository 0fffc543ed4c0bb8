import { testGpu } from '../__fixtures__/gpu.js';

// A texture holds whole numbers as float32, which is exact up to 2^24.
testGpu('webgl', ['sin', 'cos', 'select', 'cumsum'], ['sum: large int32: value']);
