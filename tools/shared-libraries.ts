import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.js';

const folders = ['/lib/x86_64-linux-gnu', '/usr/lib/x86_64-linux-gnu', '/lib64', '/usr/lib64', '/usr/lib'];

/**
 * The file of a shared library: the system's own, or one from its Debian package, which is downloaded and
 * unpacked.
 *
 * @param name the name known to the linker: `libvulkan.so.1`
 * @param debian the package that has it
 * @param scratch folder for what is downloaded
 * @throws if the system has neither the library nor Debian's tools
 */
export function sharedLibrary(name: string, debian: string, scratch: string): string {
  const there = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (there !== undefined) return there;
  const folder = join(scratch, debian);
  mkdirSync(folder, { recursive: true });
  run(folder, 'on-failure', 'apt-get', 'download', debian);
  const [file = ''] = readdirSync(folder).filter((path) => path.endsWith('.deb'));
  run(folder, 'on-failure', 'dpkg-deb', '--extract', file, 'files');
  const unpacked = folders.map((place) => join(folder, 'files', place, name)).find((path) => existsSync(path));
  if (unpacked === undefined) throw new RangeError(`Debian's package '${debian}' has no ${name}`);
  return unpacked;
}

/** The newest version of the C library that any of the files names: `2.28`. */
export function needsGlibc(files: readonly string[]): string {
  const versions = files.flatMap((file) =>
    Array.from(readFileSync(file, 'latin1').matchAll(/GLIBC_2\.(\d+)/g), ([, minor]) => Number(minor)),
  );
  return `2.${Math.max(...versions)}`;
}
