import type { Koffi } from './koffi.js';

/** Calls a function while the calling thread treats denormal numbers as zero. */
export type FlushingDenormals = <T>(compute: () => T) => T;

/** Treats denormal numbers as zero. */
export interface DenormalFlushing {
  readonly flushing: FlushingDenormals;
  /** C's `fenv_t` of a thread that always does so. */
  readonly environment: Uint8Array;
}

/** Bits to set in C's `fenv_t`, and the offset of their word: MXCSR of x86 (FTZ and DAZ), FPCR of ARM (FZ). */
const registers: Readonly<Partial<Record<string, { readonly offset: number; readonly bits: number }>>> = {
  x64: { offset: 28, bits: 0x8040 },
  arm64: { offset: 0, bits: 1 << 24 },
};

/** More than the size of any system's `fenv_t`. */
const ENVIRONMENT_BYTES = 256;

/**
 * A way to treat denormal numbers as zero on the calling thread while a function runs. The processor does this through
 * C's floating-point environment, which is restored afterwards because JavaScript computes on this thread too.
 *
 * @returns undefined if the processor is not supported, or a trial shows that it has no effect
 */
export function denormalFlushing(koffi: Koffi): DenormalFlushing | undefined {
  const { platform, arch } = globalThis.process;
  const register = platform === 'linux' ? registers[arch] : undefined;
  if (!register) return undefined;
  const library = koffi.load(null);
  const save = library.func('fegetenv', 'int', ['void *']) as (environment: Uint8Array) => number;
  const restore = library.func('fesetenv', 'int', ['void *']) as (environment: Uint8Array) => number;
  const current = (): Uint8Array => {
    const environment = new Uint8Array(ENVIRONMENT_BYTES);
    save(environment);
    return environment;
  };
  const flushed = (environment: Uint8Array): Uint8Array => {
    const copy = environment.slice();
    const view = new DataView(copy.buffer);
    view.setUint32(register.offset, view.getUint32(register.offset, true) | register.bits, true);
    return copy;
  };
  const flushing: FlushingDenormals = (compute) => {
    const before = current();
    restore(flushed(before));
    try {
      return compute();
    } finally {
      restore(before);
    }
  };
  return isEffective(flushing) ? { flushing, environment: flushed(current()) } : undefined;
}

function isEffective(flushing: FlushingDenormals): boolean {
  const [tiny, factor] = Float64Array.of(Number.MIN_VALUE, 3) as unknown as readonly [number, number];
  const product = new Float64Array(1);
  flushing(() => (product[0] = tiny * factor));
  return product[0] === 0 && tiny * factor > 0;
}
