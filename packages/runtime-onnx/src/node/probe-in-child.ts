import { spawn } from 'node:child_process';
import type { Device } from '../devices.js';
import type { Probe } from './probe.js';

/** The program that probes a device: `node [...nodeOptions] file probe <device>` prints a {@link Probe} as JSON. */
export interface ProbeProgram {
  readonly file: string;
  readonly nodeOptions: readonly string[];
}

/** Time limit for a provider to start and answer. */
const limitSeconds = 120;

/** Probes a device in a process of its own, so that a crashing provider takes down that process and not this one. */
export async function probeInChild(device: Device, { file, nodeOptions }: ProbeProgram): Promise<Probe> {
  const child = spawn(process.execPath, [...nodeOptions, file, 'probe', device], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: limitSeconds * 1000,
    killSignal: 'SIGKILL',
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code, signal] = await new Promise<readonly [number | null, string | null]>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve([code, signal]));
  });
  const answer = output.trimEnd().split('\n').at(-1) ?? '';
  if (code === 0 && answer.startsWith('{')) return JSON.parse(answer) as Probe;
  const how = signal === null ? `with status ${String(code)}` : `by ${signal}`;
  return { works: false, reason: `the process that tried it ended ${how} within ${limitSeconds} seconds` };
}
