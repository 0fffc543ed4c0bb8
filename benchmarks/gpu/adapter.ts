import { execFile, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** The GPU, as the operating system tells: WebGPU's adapter has no name in onnxruntime-node. */
export interface Adapter {
  readonly name: string;
  readonly driver: string;
}

const gpus = '/proc/driver/nvidia/gpus';

/** Names the GPU by NVIDIA's driver; a driver of Vulkan in software by its file. */
export async function findAdapter(): Promise<Adapter> {
  const software = process.env['VK_DRIVER_FILES'] ?? process.env['VK_ICD_FILENAMES'] ?? '';
  if (/swiftshader|lvp_icd|lavapipe/i.test(software)) return { name: `software Vulkan (${software})`, driver: 'none' };
  const [name, driver] = (await nvidia('name,driver_version')) ?? (await fromProc()) ?? [];
  return { name: name ?? 'unknown', driver: driver ?? 'unknown' };
}

/** What the driver's folder in /proc tells, where its command is missing. */
async function fromProc(): Promise<[name: string, driver: string] | undefined> {
  try {
    const [gpu = ''] = await readdir(gpus);
    const information = await readFile(`${gpus}/${gpu}/information`, 'utf8');
    const version = await readFile('/proc/driver/nvidia/version', 'utf8');
    return [/Model:\s*(.+)/.exec(information)?.[1] ?? 'NVIDIA', /(\d+\.\d[\d.]*)/.exec(version)?.[1] ?? 'unknown'];
  } catch {
    return undefined;
  }
}

/** A row of `nvidia-smi`; undefined where there is none. */
async function nvidia(query: string): Promise<string[] | undefined> {
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', [
      `--query-gpu=${query}`,
      '--format=csv,noheader,nounits',
    ]);
    return stdout.split('\n', 1)[0]!.split(', ');
  } catch {
    return undefined;
  }
}

/**
 * Watches the memory in use on the GPU, of all programs together, from another process: a run blocks this one.
 *
 * @returns what was used before, and a function that ends watching and gives the peak beyond it in bytes; undefined where
 *   nothing tells
 */
export async function watchMemory(): Promise<() => Promise<number | undefined>> {
  const before = Number((await nvidia('memory.used'))?.[0]);
  if (!Number.isFinite(before)) return () => Promise.resolve(undefined);
  const query = ['--query-gpu=memory.used', '--format=csv,noheader,nounits', '--loop-ms=100'];
  const child = spawn('nvidia-smi', query, { stdio: ['ignore', 'pipe', 'ignore'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const closed = new Promise((resolve) => child.on('close', resolve));
  return async () => {
    // One more sample, and the time for what was written while runs blocked this process to arrive.
    const last = Number((await nvidia('memory.used'))?.[0]);
    child.kill();
    await closed;
    const samples = output
      .split('\n')
      .filter(Boolean)
      .map((line) => Number.parseInt(line, 10));
    return (Math.max(before, last, ...samples.filter(Number.isFinite)) - before) * 2 ** 20;
  };
}
