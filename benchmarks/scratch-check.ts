import { bind, conv2d, grad, input, normals, hostTensor, type Tensor } from '@flowmap/tensor';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { evaluate } from '@flowmap/tensor/testing';
const ref = referenceRuntime(); const onnx = await onnxRuntime();
const N = (shape: number[]) => hostTensor(shape, Float32Array.from(normals({ seed: 3, purpose: 'x' + shape.join() }, shape.reduce((a, b) => a * b, 1))));
async function check(name: string, f: (...a: Tensor[]) => Tensor[], args: any[]) {
  const a = await evaluate(ref, f, args); const b = await evaluate(onnx, f, args);
  a.forEach((x, i) => { let d = 0, m = 0; x.data.forEach((v, j) => { d = Math.max(d, Math.abs(v - b[i]!.data[j]!)); m = Math.max(m, Math.abs(v)); }); console.log(d / (m || 1) < 1e-5 ? 'ok' : 'BAD', name, i, x.shape.join(), (d / m).toExponential(1)); });
}
for (const [k, s, p, h] of [[3, 1, 1, 8], [3, 2, 1, 8], [1, 1, 0, 6], [3, 2, 0, 8], [2, 2, 0, 8], [3, 1, 0, 7], [5, 1, 2, 8], [3, 1, 2, 6], [1, 2, 0, 7], [4, 2, 1, 9], [3, 3, 1, 10]] as const) {
  await check(`conv k${k} s${s} p${p} h${h}`, (x, w) => { const y = conv2d(x!, w!, { stride: s, padding: p }); const [gx, gw] = grad((x, w) => conv2d(x!, w!, { stride: s, padding: p }).square().sum(), [x!, w!]); return [y, gx!, gw!]; }, [N([4, 3, h, h + (h % s === 0 ? 0 : 0)]), N([5, 3, k, k])]);
}
await check('pool', (x) => [x!.sumPool2d(2), x!.sumPool2d(3), x!.upsample2d(2), x!.upsample2d(3)], [N([2, 3, 6, 12])]);
await check('matmul', (a, b) => [a!.matmul(b!), bind('matmul', [a!, b!.reshape([2, 3, 5, 4])], { transposeA: false, transposeB: true }), bind('matmul', [a!.reshape([2, 3, 4, 6]), b!], { transposeA: true, transposeB: false })], [N([2, 3, 6, 4]), N([2, 3, 4, 5])]);
