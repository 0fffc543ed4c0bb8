// op counts of the optimised model
import * as ort from 'onnxruntime-node';
import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { readFileSync } from 'node:fs';
const bytes = readFileSync(process.argv[2]!);
const cnt = (b: Uint8Array) => { const m = fromBinary(ModelProtoSchema, b); const c: Record<string, number> = {}; for (const n of m.graph!.node) c[n.opType] = (c[n.opType] ?? 0) + 1; return Object.entries(c).sort((a, b) => b[1] - a[1]).map(([k, v]) => `${k}:${v}`).join(' '); };
console.log(cnt(bytes));
for (const lvl of ['disabled', 'basic', 'extended', 'all'] as const) {
  const t0 = performance.now(); const c0 = process.cpuUsage();
  const s = await ort.InferenceSession.create(bytes, { graphOptimizationLevel: lvl, optimizedModelFilePath: `/tmp/opt-${lvl}.onnx` , logSeverityLevel: 3});
  const c = process.cpuUsage(c0);
  console.log(lvl, (performance.now() - t0) | 0, 'ms; cpu', (c.user + c.system) / 1000 | 0, cnt(readFileSync(`/tmp/opt-${lvl}.onnx`))); await s.release();
}
