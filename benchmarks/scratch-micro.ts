import * as ort from 'onnxruntime-node';
import { Graph } from '../packages/runtime-onnx/src/graph.js';
const threads = Number(process.argv[2] ?? 1); const which = process.argv[3] ?? 'wgrad';
type B = (g: Graph, ins: string[]) => string;
interface Cand { name: string; ins: number[][]; build: B; out: number[] }
async function session(c: Cand) {
  const g = new Graph(); const names = c.ins.map((_, i) => `i${i}`);
  const out = c.build(g, names); g.output('out', out);
  const bytes = g.encode('m', Object.fromEntries(names.map((n, i) => [n, { shape: c.ins[i]!, dtype: 'float32' as const }])), { out: { shape: c.out, dtype: 'float32' } });
  const s = await ort.InferenceSession.create(bytes, { intraOpNumThreads: threads });
  const feeds = Object.fromEntries(names.map((n, i) => { const sz = c.ins[i]!.reduce((a, b) => a * b, 1); return [n, new ort.Tensor('float32', Float32Array.from({ length: sz }, (_, j) => Math.sin(j * 1.3 + i)), c.ins[i]!)]; }));
  return { s, feeds, c };
}
const MS = 'com.microsoft';
async function race(title: string, flops: number, cands: Cand[], rounds = 20) {
  const mm: Cand = { name: 'mm', ins: [[1024, 1024], [1024, 1024]], out: [1024, 1024], build: (g, [a, b]) => g.node('Gemm', [a!, b!]) };
  const ss = await Promise.all([mm, ...cands].map(session));
  const cpu = ss.map(() => [] as number[]), wall = ss.map(() => [] as number[]); const outs: Float32Array[] = [];
  for (let r = 0; r <= rounds; r++) for (const [i, { s, feeds }] of ss.entries()) {
    const c0 = process.cpuUsage(), t0 = performance.now(); const o = await s.run(feeds); const t = performance.now() - t0; const c = process.cpuUsage(c0);
    if (r) { wall[i]!.push(t); cpu[i]!.push((c.user + c.system) / 1000); } else outs.push((o.out!.data as Float32Array).slice(0, 4000));
    o.out!.dispose();
  }
  const q = (x: number[]) => [...x].sort((a, b) => a - b)[Math.floor(x.length / 4)]!;
  const mmR = 2 * 1024 ** 3 / 1e6;
  console.log(`== ${title} (threads ${threads}) matmul ${(mmR / q(wall[0]!)).toFixed(0)} GF/s wall, ${(mmR / q(cpu[0]!)).toFixed(0)} cpu; ideal ms wall ${(flops / 1e6 / (mmR / q(wall[0]!))).toFixed(1)}`);
  cands.forEach((c, j) => { const i = j + 1; let d = 0, m = 0; outs[i]!.forEach((v, k) => { d = Math.max(d, Math.abs(v - outs[1]![k]!)); m = Math.max(m, Math.abs(outs[1]![k]!)); });
    console.log(`  ${c.name.padEnd(34)} wall q25 ${q(wall[i]!).toFixed(2).padStart(7)} min ${Math.min(...wall[i]!).toFixed(2).padStart(7)}  cpu q25 ${q(cpu[i]!).toFixed(2).padStart(7)}  GF/s ${(flops / 1e6 / q(wall[i]!)).toFixed(1)}  err ${(d / m).toExponential(1)}`); });
}
const conv = { stride: 1 };
function wgrad(n: number, c: number, o: number, h: number, k = 3) {
  const p = (k - 1) / 2; const w = h; const out = [o, c, k, k];
  const slices = (g: Graph, x: string, axisC = true) => {
    const pad = g.node('Pad', [x, g.integers(axisC ? [0, 0, p, p, 0, 0, p, p] : [0, p, p, 0, 0, p, p, 0])]); const r: string[] = [];
    for (let u = 0; u < k; u++) for (let v = 0; v < k; v++) r.push(g.node('Slice', [pad, g.integers([u, v]), g.integers([u + h, v + w]), g.integers(axisC ? [2, 3] : [1, 2])]));
    return r;
  };
  const fin = (g: Graph, y: string) => g.node('Reshape', [g.node('Transpose', [g.node('Reshape', [y, g.integers([o, k * k, c])])], { perm: [0, 2, 1] }), g.integers(out)]);
  const A: B = (g, [x, gr]) => {
    const cols = g.node('Reshape', [g.node('Concat', slices(g, x!), { axis: 1 }), g.integers([n, k * k * c, h * w])]);
    const m = g.node('FusedMatMul', [g.node('Reshape', [gr!, g.integers([n, o, h * w])]), cols], { transB: 1 }, MS);
    return fin(g, g.node('ReduceSum', [m, g.integers([0])], { keepdims: 0 }));
  };
  // 9 batched matmuls
  const B9: B = (g, [x, gr]) => {
    const G = g.node('Reshape', [gr!, g.integers([n, o, h * w])]);
    const ms = slices(g, x!).map((s) => g.node('FusedMatMul', [G, g.node('Reshape', [s, g.integers([n, c, h * w])])], { transB: 1 }, MS));
    return fin(g, g.node('Concat', ms.map((m) => g.node('ReduceSum', [m, g.integers([0])], { keepdims: 0 })), { axis: 1 }));
  };
  // transpose to channel-major then one Gemm
  const T1: B = (g, [x, gr]) => {
    const xt = g.node('Transpose', [x!], { perm: [1, 0, 2, 3] });
    const pad = g.node('Pad', [xt, g.integers([0, 0, p, p, 0, 0, p, p])]); const r: string[] = [];
    for (let u = 0; u < k; u++) for (let v = 0; v < k; v++) r.push(g.node('Slice', [pad, g.integers([u, v]), g.integers([u + h, v + w]), g.integers([2, 3])]));
    const cols = g.node('Reshape', [g.node('Concat', r, { axis: 0 }), g.integers([k * k * c, n * h * w])]);
    const G = g.node('Reshape', [g.node('Transpose', [gr!], { perm: [1, 0, 2, 3] }), g.integers([o, n * h * w])]);
    return fin(g, g.node('Gemm', [G, cols], { transB: 1 }));
  };
  // split taps between the two operands: v on x, u on g; per image
  const S: B = (g, [x, gr]) => {
    const xs: string[] = [], gs: string[] = [];
    for (let v = 0; v < k; v++) xs.push(g.node('Pad', [x!, g.integers([0, 0, p, p - v, 0, 0, p, v - p])]));
    for (let u = 0; u < k; u++) gs.push(g.node('Pad', [gr!, g.integers([0, 0, u, 0, 0, 0, 2 * p - u, 0])]));
    const H = h + 2 * p;
    const X = g.node('Reshape', [g.node('Concat', xs, { axis: 1 }), g.integers([n, k * c, H * w])]);
    const G = g.node('Reshape', [g.node('Concat', gs, { axis: 1 }), g.integers([n, k * o, H * w])]);
    const m = g.node('FusedMatMul', [G, X], { transB: 1 }, MS);
    const y = g.node('ReduceSum', [m, g.integers([0])], { keepdims: 0 }); // [(u,o),(v,c)]
    return g.node('Transpose', [g.node('Reshape', [y, g.integers([k, o, k, c])])], { perm: [1, 3, 0, 2] });
  };
  // as S but v only on x via im2col, u via 3 matmuls with Slice of rows (per image contiguous in h)
  const S2: B = (g, [x, gr]) => {
    const xs: string[] = [];
    for (let v = 0; v < k; v++) xs.push(g.node('Pad', [x!, g.integers([0, 0, p, p - v, 0, 0, p, v - p])]));
    const H = h + 2 * p;
    const X = g.node('Concat', xs, { axis: 1 }); const G = g.node('Reshape', [gr!, g.integers([n, o, h * w])]);
    const parts: string[] = [];
    for (let u = 0; u < k; u++) {
      const s = g.node('Reshape', [g.node('Slice', [X, g.integers([u]), g.integers([u + h]), g.integers([2])]), g.integers([n, k * c, h * w])]);
      parts.push(g.node('ReduceSum', [g.node('FusedMatMul', [G, s], { transB: 1 }, MS), g.integers([0])], { keepdims: 0 }));
    }
    void H;
    return fin(g, g.node('Concat', parts, { axis: 1 }));
  };
  // conv as weight gradient (batch as channels)
  const C: B = (g, [x, gr]) => {
    const xt = g.node('Transpose', [x!], { perm: [1, 0, 2, 3] }), gt = g.node('Transpose', [gr!], { perm: [1, 0, 2, 3] });
    return g.node('Transpose', [g.node('Conv', [xt, gt], { pads: [p, p, p, p] })], { perm: [1, 0, 2, 3] });
  };
  // flattened trick: zero-padded g on the x grid; per image; X padded flat [c, H*W'] then taps via offset slices of flat axis: W' = w+2p
  const F: B = (g, [x, gr]) => {
    const W = w + 2 * p, H = h + 2 * p; const L = h * W; // g rows padded to W
    const xp = g.node('Reshape', [g.node('Pad', [x!, g.integers([0, 0, p, p, 0, 0, p + 1, p])]), g.integers([n, c, (H + 1) * W])]);
    const gp = g.node('Reshape', [g.node('Pad', [gr!, g.integers([0, 0, 0, 0, 0, 0, 0, 2 * p])]), g.integers([n, o, L])]);
    const ms: string[] = [];
    for (let u = 0; u < k; u++) for (let v = 0; v < k; v++) ms.push(g.node('Slice', [xp, g.integers([u * W + v]), g.integers([u * W + v + L]), g.integers([2])]));
    const m = g.node('FusedMatMul', [gp, g.node('Concat', ms, { axis: 1 })], { transB: 1 }, MS);
    return fin(g, g.node('ReduceSum', [m, g.integers([0])], { keepdims: 0 }));
  };
  // P: three horizontally shifted x, three vertically shifted g, nine batched products
  const P: B = (g, [x, gr]) => {
    const H = h + 2 * p; const xs: string[] = [], gs: string[] = [];
    for (let v = 0; v < k; v++) xs.push(g.node('Reshape', [g.node('Pad', [x!, g.integers([0, 0, p, p - v, 0, 0, p, v - p])]), g.integers([n, c, H * w])]));
    for (let u = 0; u < k; u++) gs.push(g.node('Reshape', [g.node('Pad', [gr!, g.integers([0, 0, u, 0, 0, 0, 2 * p - u, 0])]), g.integers([n, o, H * w])]));
    const parts: string[] = [];
    for (const G of gs) for (const X of xs) parts.push(g.node('ReduceSum', [g.node('FusedMatMul', [G, X], { transB: 1 }, MS), g.integers([0])], { keepdims: 0 }));
    return fin(g, g.node('Concat', parts, { axis: 1 }));
  };
  // Q: three horizontally shifted x joined, three vertically shifted g separately: three batched products
  const Q: B = (g, [x, gr]) => {
    const H = h + 2 * p; const xs: string[] = [];
    for (let v = 0; v < k; v++) xs.push(g.node('Pad', [x!, g.integers([0, 0, p, p - v, 0, 0, p, v - p])]));
    const X = g.node('Reshape', [g.node('Concat', xs, { axis: 1 }), g.integers([n, k * c, H * w])]);
    const parts: string[] = [];
    for (let u = 0; u < k; u++) { const G = g.node('Reshape', [g.node('Pad', [gr!, g.integers([0, 0, u, 0, 0, 0, 2 * p - u, 0])]), g.integers([n, o, H * w])]);
      parts.push(g.node('ReduceSum', [g.node('FusedMatMul', [G, X], { transB: 1 }, MS), g.integers([0])], { keepdims: 0 })); }
    return fin(g, g.node('Concat', parts, { axis: 1 }));
  };
  return race(`wgrad n${n} c${c} o${o} h${h}`, 2 * n * h * w * c * o * k * k, [
    { name: 'A im2col+batched', build: A }, { name: '9 batched', build: B9 }, { name: 'T one gemm', build: T1 }, { name: 'S taps split', build: S }, { name: 'P', build: P }, { name: 'Q', build: Q }, { name: 'S2 v im2col, u slices', build: S2 }, { name: 'C conv', build: C }, { name: 'F flat', build: F },
  ].map((x) => ({ ...x, ins: [[n, c, h, w], [n, o, h, w]], out })), 14);
}
function igrad(n: number, c: number, o: number, h: number, k = 3) {
  const p = (k - 1) / 2; const w = h;
  const CT: B = (g, [gr, W]) => g.node('ConvTranspose', [gr!, W!], { pads: [p, p, p, p] });
  const FL: B = (g, [gr, W]) => {
    const t = g.node('Transpose', [W!], { perm: [1, 0, 2, 3] });
    const f = g.node('Slice', [t, g.integers([-1, -1]), g.integers([-1000, -1000]), g.integers([2, 3]), g.integers([-1, -1])]);
    return g.node('Conv', [gr!, f], { pads: [p, p, p, p] });
  };
  return race(`igrad n${n} c${c} o${o} h${h}`, 2 * n * h * w * c * o * k * k, [{ name: 'ConvTranspose', build: CT }, { name: 'flipped Conv', build: FL }].map((x) => ({ ...x, ins: [[n, o, h, w], [o, c, k, k]], out: [n, c, h, w] })), 10);
}
void conv;
if (which === 'wgrad') { await wgrad(32, 64, 64, 24); await wgrad(32, 128, 128, 12); await wgrad(32, 32, 32, 24); await wgrad(32, 64, 128, 12); }
if (which === 'ops') {
  const X = [32, 64, 24, 24];
  for (const [nm, out, b] of [
    ['Pad 1,1', [32, 64, 26, 26], (g: Graph, [x]: string[]) => g.node('Pad', [x!, g.integers([0, 0, 1, 1, 0, 0, 1, 1])])],
    ['Pad h', [32, 64, 26, 24], (g: Graph, [x]: string[]) => g.node('Pad', [x!, g.integers([0, 0, 1, 0, 0, 0, 1, 0])])],
    ['Pad h,+-w', [32, 64, 26, 24], (g: Graph, [x]: string[]) => g.node('Pad', [x!, g.integers([0, 0, 1, 1, 0, 0, 1, -1])])],
    ['Slice w', [32, 64, 24, 23], (g: Graph, [x]: string[]) => g.node('Slice', [x!, g.integers([0]), g.integers([23]), g.integers([3])])],
    ['Slice h', [32, 64, 23, 24], (g: Graph, [x]: string[]) => g.node('Slice', [x!, g.integers([0]), g.integers([23]), g.integers([2])])],
    ['Concat2', [32, 128, 24, 24], (g: Graph, [x]: string[]) => g.node('Concat', [x!, x!], { axis: 1 })],
    ['Transpose 1023', [64, 32, 24, 24], (g: Graph, [x]: string[]) => g.node('Transpose', [x!], { perm: [1, 0, 2, 3] })],
    ['Transpose NHWC', [32, 24, 24, 64], (g: Graph, [x]: string[]) => g.node('Transpose', [x!], { perm: [0, 2, 3, 1] })],
    ['Mul', X, (g: Graph, [x]: string[]) => g.node('Mul', [x!, x!])],
    ['Mul scalar', X, (g: Graph, [x]: string[]) => g.node('Mul', [x!, g.scalar(2)])],
    ['Sigmoid', X, (g: Graph, [x]: string[]) => g.node('Sigmoid', [x!])],
    ['Mul bc chan', X, (g: Graph, [x]: string[]) => g.node('Mul', [x!, g.node('ReduceMax', [x!], { axes: [2, 3], keepdims: 1 })])],
    ['ReduceSum hw', [32, 64, 1, 1], (g: Graph, [x]: string[]) => g.node('ReduceSum', [x!, g.integers([2, 3])], { keepdims: 1 })],
    ['ReduceSum nhw', [1, 64, 1, 1], (g: Graph, [x]: string[]) => g.node('ReduceSum', [x!, g.integers([0, 2, 3])], { keepdims: 1 })],
    ['ReduceSum hw,n', [1, 64, 1, 1], (g: Graph, [x]: string[]) => g.node('ReduceSum', [g.node('ReduceSum', [x!, g.integers([2, 3])], { keepdims: 1 }), g.integers([0])], { keepdims: 1 })],
    ['ReduceSum n', [1, 64, 24, 24], (g: Graph, [x]: string[]) => g.node('ReduceSum', [x!, g.integers([0])], { keepdims: 1 })],
    ['AveragePool', [32, 64, 12, 12], (g: Graph, [x]: string[]) => g.node('AveragePool', [x!], { kernel_shape: [2, 2], strides: [2, 2] })],
    ['pool by ReduceSum', [32, 64, 12, 12], (g: Graph, [x]: string[]) => g.node('ReduceSum', [g.node('Reshape', [x!, g.integers([32, 64, 12, 2, 12, 2])]), g.integers([3, 5])], { keepdims: 0 })],
    ['Resize', [32, 64, 48, 48], (g: Graph, [x]: string[]) => g.node('Resize', [x!, '', g.constant(Float64Array.of(1, 1, 2, 2), { shape: [4], dtype: 'float32' })], { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' })],
    ['up by Expand', [32, 64, 48, 48], (g: Graph, [x]: string[]) => g.node('Reshape', [g.node('Expand', [g.node('Reshape', [x!, g.integers([32, 64, 24, 1, 24, 1])]), g.integers([32, 64, 24, 2, 24, 2])]), g.integers([32, 64, 48, 48])])],
  ] as [string, number[], B][]) await race(nm, 0, [{ name: nm, ins: [X], out, build: b }], 20);
}
if (which === 'igrad') { await igrad(32, 64, 64, 24); await igrad(32, 128, 128, 12); await igrad(32, 32, 32, 24); await igrad(32, 3, 64, 24); }
export { race, type Cand, type B };
