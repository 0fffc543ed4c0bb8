import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { peerTasks } from '../peer-tasks.js';
import { timeTorch } from './torch-peers.js';

const task = peerTasks(true)['dit']!;
const script = join(import.meta.dirname, '__fixtures__/answering-peer.mjs');

describe('PyTorch', () => {
  it('is a note where it cannot be started', async () => {
    const onChecked = (): void => expect.unreachable();
    const { measured, reason } = await timeTorch(task, { python: 'no-such-python', script, rounds: 1, onChecked });
    expect(measured).toEqual([]);
    expect(reason).toMatch(/PyTorch was not timed: no-such-python .*ENOENT.*--python names one/);
  });

  it('is timed in each precision that works, after its float32 was checked', async () => {
    const checked: unknown[] = [];
    const onChecked = (values: unknown): number => checked.push(values);
    const { measured, reason } = await timeTorch(task, { python: process.execPath, script, rounds: 2, onChecked });
    expect(checked).toEqual([{ loss: [2] }]);
    expect(measured.map(({ runtime, ms }) => [runtime, ms])).toEqual([
      ['PyTorch, fp32', 8],
      ['PyTorch, tf32', 4],
    ]);
    expect(measured[0]).toMatchObject({ samplesPerSecond: 500, peakDeviceMemory: 3e6 });
    expect(reason).toBe('PyTorch in bf16 was not timed: RuntimeError: out of memory.');
  });

  it('ends before it is timed where its results are refused', async () => {
    const wrong = new Error('wrong');
    const onChecked = (): never => {
      throw wrong;
    };
    await expect(timeTorch(task, { python: process.execPath, script, rounds: 2, onChecked })).rejects.toBe(wrong);
  });
});
