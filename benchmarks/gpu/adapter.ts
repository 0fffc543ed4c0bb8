import { execFile, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { FlowmapError, RuntimeUnavailableError, type Runtime } from '@flowmap/tensor';

/** The GPU according to the operating system: WebGPU's adapter has no name in onnxruntime-node. */
export interface Adapter {
  readonly name: string;
  readonly driver: string;
}

const gpus = '/proc/driver/nvidia/gpus';

/** WebGPU has no usable GPU; the message says what to do about it on a machine without npm. */
export class NoGpuError extends FlowmapError {}

/**
 * Starts WebGPU.
 *
 * @throws {NoGpuError} when it does not start
 */
export async function openGpu(): Promise<Runtime> {
  const variable = process.env['VK_DRIVER_FILES'] ? 'VK_DRIVER_FILES' : 'VK_ICD_FILENAMES';
  const files = process.env[variable] ?? '';
  if (files !== '' && !files.split(':').some((file) => existsSync(file))) {
    throw new NoGpuError(
      `${variable} is '${files}', but no such file is there: unset it, or name the description of a Vulkan driver`,
    );
  }
  try {
    return await onnxRuntime({ device: 'webgpu' });
  } catch (cause) {
    if (!(cause instanceof RuntimeUnavailableError)) throw cause;
    const container = existsSync(gpus)
      ? "NVIDIA's driver is loaded; in a container, NVIDIA_DRIVER_CAPABILITIES must be 'all', or have 'graphics', for its Vulkan. "
      : '';
    const hint =
      'Without npm, VK_LOADER_DEBUG=all in the environment of this command shows what the loader of Vulkan finds';
    throw new NoGpuError(`${cause.message}.\n${container}${hint}`, { cause });
  }
}

/** Names the GPU that WebGPU runs on: according to NVIDIA's driver; a software Vulkan driver by its file. */
export async function findAdapter(): Promise<Adapter> {
  const software = softwareDriver(await readFile('/proc/self/maps', 'utf8').catch(() => ''));
  if (software !== undefined)
    return { name: `software Vulkan on the CPU, no GPU (${software})`, driver: 'in software' };
  const [name, driver] = (await nvidia('name,driver_version')) ?? (await fromProc()) ?? [];
  return { name: name ?? 'unknown GPU', driver: driver ?? 'unknown' };
}

/**
 * The library of a software Vulkan driver that a process has loaded; undefined if it has none, or also NVIDIA's, which
 * WebGPU prefers. A machine may have both installed and run in software because NVIDIA's does not start.
 *
 * @param maps contents of /proc/self/maps
 */
export function softwareDriver(maps: string): string | undefined {
  const files = maps.split('\n').map((line) => basename(line.slice(Math.max(0, line.indexOf('/')))));
  if (files.some((file) => /^lib.*nvidia.*\.so/i.test(file))) return undefined;
  return files.find((file) => /^lib(vk_swiftshader|vulkan_lvp)/.test(file));
}

/** What the driver's folder in /proc says, if its command is missing. */
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

/** A row of `nvidia-smi`; undefined if there is none. */
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
 * Watches the memory in use on the GPU, by all programs together, from another process, since a run blocks
 * this one.
 *
 * @returns a function that stops watching and returns the peak above the memory used before, in bytes; undefined if
 *   nothing reports it
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
    // One more sample, and time for output written while runs blocked this process to arrive.
    const last = Number((await nvidia('memory.used'))?.[0]);
    child.kill();
    await closed;
    const lines = output.split('\n').filter(Boolean);
    const samples = lines.map((line) => Number.parseInt(line, 10));
    return (Math.max(before, last, ...samples.filter(Number.isFinite)) - before) * 2 ** 20;
  };
}
