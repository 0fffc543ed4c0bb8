// Unpacks what `npm run gpu-bundle` packed into an empty folder, and runs it in an empty environment on software
// Vulkan: `npm run gpu-bundle:try`. It fails if the benchmark does, or leaves no results.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, run } from './run.js';

const archive = join(root, 'dist-gpu/flowmap-gpu.tar.xz');
const drivers = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json',
  '/usr/share/vulkan/icd.d/lvp_icd.json',
];
const driver = process.env['VK_DRIVER_FILES'] ?? drivers.find((file) => existsSync(file));
if (!existsSync(archive)) throw new RangeError(`${archive} is not there: make it with \`npm run gpu-bundle\``);
if (driver === undefined) {
  throw new RangeError('no software Vulkan here: `apt install chromium` or `apt install mesa-vulkan-drivers` has one');
}

const folder = mkdtempSync(join(tmpdir(), 'flowmap-gpu-'));
try {
  run(folder, 'on-failure', 'tar', '-xJf', archive);
  bench('show', 0, driver, '--small', '--rounds', '1');
  const report = readFileSync(join(folder, 'gpu-results/gpu.md'), 'utf8');
  const { adapter, tasks } = JSON.parse(readFileSync(join(folder, 'gpu-results/gpu.json'), 'utf8')) as {
    readonly adapter: { readonly name: string };
    readonly tasks: readonly object[];
  };
  wanted(report.includes(adapter.name) && adapter.name.includes('software') && tasks.length === 2, 'a whole report');

  const help = bench('keep', 0, driver, '--help');
  wanted(help.startsWith('Usage: '), 'its usage');
  const unknown = bench('keep', 2, driver, '--smal');
  wanted(unknown.startsWith("error: unknown option '--smal'"), 'an error about the option');
  const missing = bench('keep', 1, join(folder, 'no-such-driver.json'), '--small');
  wanted(missing.startsWith('error: VK_DRIVER_FILES is '), 'an error about the driver');
} finally {
  rmSync(folder, { recursive: true });
}
console.log('the bundle works here');

/** Runs the unpacked benchmark and returns what it wrote; throws unless it ends with the expected status. */
function bench(output: 'show' | 'keep', status: number, driverFile: string, ...options: string[]): string {
  console.log(`$ flowmap-gpu/bench-gpu ${options.join(' ')}`);
  const done = spawnSync('flowmap-gpu/bench-gpu', options, {
    cwd: folder,
    encoding: 'utf8',
    stdio: output === 'show' ? 'inherit' : 'pipe',
    env: { VK_DRIVER_FILES: driverFile, XDG_RUNTIME_DIR: folder },
  });
  if (done.error) throw done.error;
  const text = output === 'show' ? '' : done.stdout + done.stderr;
  if (done.status !== status) throw new Error(`it ended with ${String(done.status ?? done.signal)}\n${text}`);
  return text;
}

function wanted(holds: boolean, part: string): void {
  if (!holds) throw new Error(`the benchmark did not give ${part}`);
}
