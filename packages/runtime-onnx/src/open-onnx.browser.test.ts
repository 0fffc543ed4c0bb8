import { hostTensor, program } from '@flowmap/tensor';
import { expect, it } from 'vitest';
import { OnnxModelError } from './onnx-model-error.js';
import { openOnnx } from './open-onnx.js';
import { toOnnx } from './to-onnx.js';

const square = toOnnx(program('square', { inputs: { x: [2] } }, ({ x }) => ({ outputs: { y: x.mul(x) } })));
const address = `data:application/octet-stream;base64,${btoa(String.fromCharCode(...square))}`;

it.each([
  ['bytes', square],
  ['an address', address],
])('opens %s in a page', async (_, model) => {
  const opened = await openOnnx(model, { device: 'cpu' });
  expect(opened.inputs).toMatchObject({ x: { dtype: 'float32', shape: [2] } });
  expect((await opened({ x: hostTensor([2], [2, 3]) }))['y']).toEqual(hostTensor([2], [4, 9]));
  await opened.dispose();
});

it('says what is wrong with a file', async () => {
  await expect(openOnnx('/nowhere.onnx', { device: 'cpu' })).rejects.toThrow(OnnxModelError);
  await expect(openOnnx(square.slice(0, -5), { device: 'cpu' })).rejects.toThrow(/it is no ONNX model/);
});
