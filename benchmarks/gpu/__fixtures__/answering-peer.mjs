// Answers as peers/peer.py does on a machine with CUDA: each step takes 8 ms in float32, 4 in TF32, and
// bfloat16 fails.
import console from 'node:console';
import process from 'node:process';
import { createInterface } from 'node:readline';

const precision = process.argv.at(-1);
const answer = (value) => console.log(JSON.stringify(value));
if (precision === 'bf16') {
  answer({ error: 'RuntimeError: out of memory' });
} else {
  answer({ runtime: `PyTorch, ${precision}`, parameters: 1 });
  for await (const line of createInterface({ input: process.stdin })) {
    const { run, steps } = JSON.parse(line);
    const ms = Array.from({ length: steps }, () => (precision === 'fp32' ? 8 : 4));
    answer(run === 'check' ? { values: { loss: [2] } } : { ms, peakMemory: 1, peakDeviceMemory: 3e6 });
  }
}
