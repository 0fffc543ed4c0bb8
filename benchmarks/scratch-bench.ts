import { onnxRuntime, toOnnx } from '@flowmap/runtime-onnx';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { median, timed, type Sample } from './measure.js';
import { ditWorkload, matmulWorkload, unetWorkload } from './workloads.js';
const { values: a } = parseArgs({ options: { profile: { type: 'boolean' }, rounds: { type: 'string', default: '7' }, threads: { type: 'string', default: '2' }, only: { type: 'string', default: 'DiT' }, dump: { type: 'string' } } });
const rt = await onnxRuntime({ threads: Number(a.threads), ...(a.profile ? { profile: '/tmp/prof' } : {}) });
const mmW = matmulWorkload(); const w = a.only === 'DiT' ? ditWorkload() : unetWorkload();
let t0 = performance.now(); w.build(); t0 = performance.now(); const p = w.build(); const tb = performance.now() - t0; t0 = performance.now(); const bytes = toOnnx(p); const tl = performance.now() - t0;
if (a.dump) writeFileSync(a.dump, bytes);
t0 = performance.now(); const e = await rt.compile(p); const tc = performance.now() - t0;
const mm = await rt.compile(mmW.build());
await e.writeState(w.state);
const params = Object.keys(w.state).filter((k) => k.startsWith('params')).reduce((s, k) => s + w.state[k]!.data.length, 0);
console.log(`${w.name}: ${(params / 1e6).toFixed(2)}M params, fwd ${(w.flops / 4e9).toFixed(2)} GF; build ${tb | 0} lower ${tl | 0} compile ${tc | 0} ms, nodes ${p.nodes.length}`);
const S: Sample[] = [], M: Sample[] = [];
for (let i = 0; i <= Number(a.rounds); i++) {
  for (let j = 0; j < 5; j++) { const s = await timed(mm, mmW.feeds); if (i) M.push(s); }
  const s = await timed(e, w.feeds); if (i) S.push(s);
}
const out = await e.run(w.feeds); const loss = (await out.loss!.read()).data[0];
for (const k of ['wall', 'cpu'] as const) {
  const s = S.map((x) => x[k]), m = M.map((x) => x[k]); const r = (sv: number, mv: number) => (w.flops / sv / (mmW.flops / mv)).toFixed(3);
  console.log(`${k}: step med ${median(s).toFixed(0)} min ${Math.min(...s).toFixed(0)} ms; GF/s ${(w.flops / median(s) / 1e6).toFixed(1)} best ${(w.flops / Math.min(...s) / 1e6).toFixed(1)}; matmul ${(mmW.flops / median(m) / 1e6).toFixed(1)} best ${(mmW.flops / Math.min(...m) / 1e6).toFixed(1)}; ratio med ${r(median(s), median(m))} best ${r(Math.min(...s), Math.min(...m))}`);
}
console.log('loss', loss, 'rss MB', (process.memoryUsage().rss / 2 ** 20) | 0, 'load', readFileSync('/proc/loadavg', 'utf8').slice(0, 14));
await e.dispose(); await mm.dispose();
