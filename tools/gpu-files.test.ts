import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleApp, packageFolder, packageParts } from './gpu-files.js';
import { root } from './run.js';

const ort = packageFolder('onnxruntime-node', root);
const folders = { 'onnxruntime-node': ort, 'onnxruntime-common': packageFolder('onnxruntime-common', ort) };

describe('the packages', () => {
  it.each(Object.entries(packageParts))('%s has the parts that are packed', (name, parts) => {
    const folder = folders[name as keyof typeof folders];
    expect(parts.filter((part) => !existsSync(join(folder, part)))).toEqual([]);
  });
});

describe('the bundled benchmark, outside the repository', () => {
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'flowmap-gpu-files-'));
    await bundleApp(folder);
    for (const [name, parts] of Object.entries(packageParts)) {
      for (const part of ['package.json', ...parts]) {
        const file = join(folder, 'node_modules', name, part);
        mkdirSync(dirname(file), { recursive: true });
        // Large files are linked.
        if (part.startsWith('bin/')) symlinkSync(join(folders[name as keyof typeof folders], part), file);
        else cpSync(join(folders[name as keyof typeof folders], part), file, { recursive: true });
      }
    }
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const bench = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, [join(folder, 'bench-gpu.mjs'), ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { VK_DRIVER_FILES: join(folder, 'no-such-driver.json') },
    });

  it('says its usage', () => {
    const { status, stdout, stderr } = bench('--help');
    expect(stdout).toMatch(/^Usage: bench-gpu/);
    expect([status, stderr]).toEqual([0, '']);
  });

  it('says which option is wrong, and fails', () => {
    const { status, stdout, stderr } = bench('--smal');
    expect(stderr).toBe(
      "error: unknown option '--smal' (Did you mean --small?); `bench-gpu --help` lists the options\n",
    );
    expect([status, stdout]).toEqual([2, '']);
  });

  it('says that there is no driver, and fails', () => {
    const { status, stdout, stderr } = bench('--small');
    expect(stderr).toMatch(/^error: VK_DRIVER_FILES is '.*no-such-driver\.json', but no such file is there: unset it/);
    expect([status, stdout]).toEqual([1, '']);
  });

  it('says where results cannot be written, before anything runs', () => {
    const { status, stderr } = bench('--small', '--out', join(folder, 'bench-gpu.mjs'));
    expect(stderr).toMatch(/^error: --out: cannot make the folder .*EEXIST.*Name one that can be written to/);
    expect(status).toBe(1);
  });
});
