import { readFileSync, readdirSync, unlinkSync } from 'node:fs';
interface Ev { cat: string; name: string; dur: number; args?: { op_name?: string; input_type_shape?: Record<string, number[]>[]; output_type_shape?: Record<string, number[]>[] } }
const files = readdirSync('/tmp').filter((f) => f.startsWith('prof_') && f.endsWith('.json')).map((f) => `/tmp/${f}`).sort((a, b) => readFileSync(b).length - readFileSync(a).length);
const evs = JSON.parse(readFileSync(files[0]!, 'utf8')) as Ev[];
const byNode = new Map<string, { op: string; sig: string; durs: number[] }>();
for (const e of evs) {
  if (e.cat !== 'Node' || !e.name.endsWith('_kernel_time')) continue;
  const sig = (e.args?.input_type_shape ?? []).map((s) => Object.entries(s).map(([t, d]) => `${t === 'float' ? '' : t}[${d.join(',')}]`).join()).join(' ');
  const n = byNode.get(e.name) ?? { op: e.args!.op_name!, sig, durs: [] };
  n.durs.push(e.dur); byNode.set(e.name, n);
}
const agg = (key: (n: { op: string; sig: string }) => string) => {
  const m = new Map<string, { t: number; c: number }>();
  for (const n of byNode.values()) { const k = key(n); const a = m.get(k) ?? { t: 0, c: 0 }; a.t += [...n.durs].sort((a, b) => a - b)[Math.floor(n.durs.length / 4)]!; a.c++; m.set(k, a); }
  return [...m].sort((a, b) => b[1].t - a[1].t);
};
const total = agg(() => 'all')[0]![1];
console.log('total ms', (total.t / 1000).toFixed(1), 'nodes', total.c);
for (const [k, a] of agg((n) => n.op)) if (a.t / total.t > 0.002) console.log(k.padEnd(28), (a.t / 1000).toFixed(1).padStart(8), `${((100 * a.t) / total.t).toFixed(1)}%`.padStart(7), String(a.c).padStart(5));
console.log('--- by shape');
for (const [k, a] of agg((n) => `${n.op} ${n.sig}`).slice(0, Number(process.argv[2] ?? 45))) console.log((a.t / 1000).toFixed(1).padStart(8), String(a.c).padStart(4), k);
for (const f of files) unlinkSync(f);
