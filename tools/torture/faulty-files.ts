import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/** What goes wrong with a file operation. */
export interface Trouble {
  /** Number of the operation, from 0. */
  readonly at: number;
  /** Whether it fails before it has done anything, in the middle, or after it is done. */
  readonly when: 'before' | 'within' | 'after';
  /**
   * `crash` is the death of the process: nothing that follows has an effect. The others are errors of the system:
   * `EIO` once, `ENOSPC` for everything written from then on.
   */
  readonly how: 'crash' | 'EIO' | 'ENOSPC';
}

/** Files that fail until they are repaired. */
export interface FaultyFiles {
  /** Number of operations so far. */
  readonly count: number;
  /** The operation that failed; undefined if none has. */
  readonly failed: string | undefined;
  mend(): void;
}

type Operation = (...args: unknown[]) => unknown;
type Functions = Record<string, Operation>;

const ASYNC = ['open', 'writeFile', 'appendFile', 'rename', 'rm', 'mkdir'];
const SYNC = [
  ...['openSync', 'writeSync', 'linkSync', 'renameSync', 'rmSync', 'rmdirSync'],
  ...['mkdirSync', 'utimesSync', 'fsyncSync'],
];
/** The operations that take up space on a disk. */
const WRITES = ['open', 'writeFile', 'appendFile', 'mkdir', 'openSync', 'writeSync', 'linkSync', 'mkdirSync'];

/** Makes one of the file operations that change something fail; all of them are counted. */
export function faultyFiles({ at, when, how }: Trouble): FaultyFiles {
  const promises = fs.promises as unknown as Functions;
  const functions = fs as unknown as Functions;
  const real: Functions = Object.fromEntries([
    ...ASYNC.map((name) => [name, promises[name]!]),
    ...SYNC.map((name) => [name, functions[name]!]),
  ]) as Functions;
  let count = 0;
  let failed: string | undefined;

  /** What an operation is to do; `undefined` means what it always does. */
  const next = (name: string): Trouble['when'] | undefined => {
    if (failed !== undefined && how === 'crash') return 'before';
    if (failed !== undefined && how === 'ENOSPC' && WRITES.includes(name)) return 'before';
    if (failed !== undefined || count++ < at) return undefined;
    if (how === 'ENOSPC' && !WRITES.includes(name)) return undefined;
    failed = `${name} ${count - 1}, ${when}`;
    return when;
  };
  const error = (): Error => Object.assign(new Error(`${how}: injected`), { code: how });

  const guarded =
    (name: string, operation: Operation): Operation =>
    async (...args) => {
      const trouble = next(name);
      if (trouble === undefined) return operation(...args);
      if (trouble === 'within') await partly(name, args, real);
      if (trouble === 'after') {
        const file = await operation(...args);
        if (name === 'open') await (file as fs.promises.FileHandle).close();
      }
      throw error();
    };
  for (const name of ASYNC.filter((other) => other !== 'open')) promises[name] = guarded(name, real[name]!);
  promises['open'] = async (...args) => {
    const isRead = args[1] === 'r' || typeof args[1] === 'number';
    const open = isRead ? real['open']! : guarded('open', real['open']!);
    const file = (await open(...args)) as fs.promises.FileHandle;
    file.sync = guarded('sync', file.sync.bind(file)) as () => Promise<void>;
    return file;
  };
  for (const name of SYNC) {
    functions[name] = (...args) => {
      if (name === 'openSync' && args[1] === 'r') return real[name]!(...args);
      const trouble = next(name);
      if (trouble === undefined) return real[name]!(...args);
      if (trouble === 'within' && name === 'writeSync') real[name]!(args[0], half(args[1]));
      if (trouble === 'after') real[name]!(...args);
      throw error();
    };
  }
  syncBuiltinESMExports();

  return {
    get count() {
      return count;
    },
    get failed() {
      return failed;
    },
    mend() {
      for (const name of ASYNC) promises[name] = real[name]!;
      for (const name of SYNC) functions[name] = real[name]!;
      syncBuiltinESMExports();
    },
  };
}

/** Does part of an operation that has parts. */
async function partly(name: string, [target, content]: readonly unknown[], real: Functions): Promise<void> {
  if (name === 'writeFile' || name === 'appendFile') await real[name]!(target, half(content));
  if (name === 'rm' && fs.existsSync(target as string) && fs.statSync(target as string).isDirectory()) {
    const [first] = fs.readdirSync(target as string);
    if (first !== undefined) await real['rm']!(`${target as string}/${first}`, { recursive: true });
  }
}

function half(content: unknown): unknown {
  if (typeof content === 'string') return content.slice(0, content.length / 2);
  if (content instanceof Uint8Array) return content.subarray(0, content.length / 2);
  return [...(content as Iterable<Uint8Array>)].slice(0, 1);
}
