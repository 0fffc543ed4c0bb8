import { causeText, requireKnownOptions, RuntimeUnavailableError } from '@flowmap/tensor';
import { congruenceBy } from '../linear-algebra/congruence.js';
import type { LinearAlgebra } from '../linear-algebra/linear-algebra.js';
import { mirrorLower, transposed } from '../linear-algebra/products.js';

type Koffi = typeof import('koffi').default;
type Call = (...args: unknown[]) => unknown;

/**
 * The functions of BLAS and LAPACK that are called, by their Fortran names, and whether each argument is a
 * flag or a pointer.
 */
const FUNCTIONS = {
  dgemm_: 'ffppppppppppp',
  dsyrk_: 'ffpppppppp',
  dsygst_: 'pfpppppp',
  dsyevd_: 'ffppppppppp',
  dpstrf_: 'fpppppppp',
} as const;

type Name = keyof typeof FUNCTIONS;

/** Where systems have these libraries; those with both come first. */
const LIBRARIES: Readonly<Partial<Record<NodeJS.Platform, readonly (readonly string[])[]>>> = {
  linux: [
    ['libopenblas.so.0'],
    ['libopenblas.so'],
    ['libflexiblas.so.3'],
    ['libmkl_rt.so.2'],
    ['liblapack.so.3', 'libblas.so.3'],
  ],
  darwin: [['/System/Library/Frameworks/Accelerate.framework/Accelerate']],
  win32: [['libopenblas.dll'], ['mkl_rt.2.dll']],
};

/** Options of {@link nativeLinearAlgebra}. */
export interface NativeLinearAlgebraOptions {
  /**
   * File name or path of a library with BLAS and LAPACK and 32-bit integers; unless given, the first that the system
   * has of OpenBLAS, FlexiBLAS, MKL, liblapack and Accelerate.
   */
  readonly library?: string;
}

/**
 * Linear algebra by the system's LAPACK, through the package `koffi`: Fréchet distances of 2,048 features in a tenth of
 * the time. It uses as many threads as the library does by itself (`OPENBLAS_NUM_THREADS`, `OMP_NUM_THREADS`).
 *
 * @throws {RuntimeUnavailableError} where `koffi` is not installed, or no library is found
 */
export async function nativeLinearAlgebra(options: NativeLinearAlgebraOptions = {}): Promise<LinearAlgebra> {
  requireKnownOptions('nativeLinearAlgebra', options, { library: true });
  const { library } = options;
  const koffi = await loadKoffi();
  const candidates = library === undefined ? (LIBRARIES[globalThis.process.platform] ?? []) : [[library]];
  const failures: string[] = [];
  for (const files of candidates) {
    try {
      return algebraOf(functionsOf(koffi, files), files[0]!);
    } catch (cause) {
      failures.push(`${files.join(' and ')}: ${causeText(cause)}`);
    }
  }
  const advice = 'install OpenBLAS (Debian: `apt install libopenblas0`, Fedora: `dnf install openblas-threads`)';
  const tried = failures.length > 0 ? ` (${failures.join('; ')})` : '';
  throw new RuntimeUnavailableError('lapack', `no library with BLAS and LAPACK was found; ${advice}${tried}`);
}

async function loadKoffi(): Promise<Koffi> {
  try {
    return (await import('koffi')).default;
  } catch (cause) {
    const advice = 'koffi, which calls it, could not be loaded. Install it with `npm install koffi`';
    throw new RuntimeUnavailableError('lapack', `${advice} (${String(cause)})`, { cause });
  }
}

/** The functions, each from the first of the libraries that has it. */
function functionsOf(koffi: Koffi, files: readonly string[]): Readonly<Record<Name, Call>> {
  const libraries = files.map((file) => koffi.load(file));
  const entries = Object.entries(FUNCTIONS).map(([name, parameters]) => {
    const types = Array.from(parameters, (kind) => (kind === 'f' ? 'str' : 'void *'));
    // Fortran passes the lengths of strings after all arguments.
    const lengths = types.filter((type) => type === 'str');
    const signature = [...types, ...lengths.map(() => 'size_t')];
    const call = libraries.reduce<Call | undefined>((found, one) => found ?? lookUp(one, name, signature), undefined);
    if (call === undefined) throw new Error(`it has no ${name}`);
    return [name, (...args: unknown[]) => call(...args, ...lengths.map(() => 1))];
  });
  return Object.fromEntries(entries) as Record<Name, Call>;
}

function lookUp(library: ReturnType<Koffi['load']>, name: string, types: readonly string[]): Call | undefined {
  try {
    return library.func(name, 'void', [...types]) as Call;
  } catch {
    return undefined;
  }
}

/**
 * LAPACK stores matrices by columns: in the same memory it sees the transpose of a row-major matrix, where the part
 * below the diagonal is above it.
 */
function algebraOf(functions: Readonly<Record<Name, Call>>, name: string): LinearAlgebra {
  const { dgemm_, dsyrk_, dsygst_, dsyevd_, dpstrf_ } = functions;
  const whole = (value: number): Int32Array => Int32Array.of(value);
  const one = Float64Array.of(1);
  const addProduct: LinearAlgebra['addProduct'] = (c, a, b, [m, n, depth], { lower = false } = {}) => {
    if (Math.min(m, n, depth) === 0) return;
    if (a === b && lower) {
      dsyrk_('U', 'T', whole(n), whole(depth), one, a, whole(depth), one, c, whole(n));
    } else {
      dgemm_('T', 'N', whole(n), whole(m), whole(depth), one, b, whole(depth), a, whole(depth), one, c, whole(n));
    }
  };
  return {
    name,
    addProduct,
    congruence(upper, rank, matrix, n) {
      if (rank < n) return congruenceBy(addProduct, upper, rank, matrix, n);
      // Half the operations of two products.
      const product = matrix.slice();
      dsygst_(whole(2), 'L', whole(n), product, whole(n), upper, whole(n), whole(0));
      return transposed(product, n, n);
    },
    symmetricEigenvalues(a, n) {
      const values = new Float64Array(n);
      if (n === 0) return values;
      const info = whole(0);
      const solve = (work: Float64Array, integers: Int32Array, lengths: readonly [number, number]): void => {
        dsyevd_('N', 'U', whole(n), a, whole(n), values, work, whole(lengths[0]), integers, whole(lengths[1]), info);
        if (info[0] !== 0) throw new RuntimeUnavailableError('lapack', `dsyevd failed with ${info[0]!}`);
      };
      const [size, integers] = [new Float64Array(1), new Int32Array(1)];
      solve(size, integers, [-1, -1]);
      solve(new Float64Array(size[0]!), new Int32Array(integers[0]!), [size[0]!, integers[0]!]);
      return values;
    },
    pivotedCholesky(matrix, n) {
      const factor = matrix.slice();
      mirrorLower(factor, n);
      const [pivots, rank, info] = [new Int32Array(n), whole(0), whole(0)];
      const largest = matrix.reduce((most, value, at) => (at % (n + 1) === 0 ? Math.max(most, value) : most), 0);
      const tolerance = Float64Array.of(n * Number.EPSILON * largest);
      dpstrf_('L', whole(n), factor, whole(n), pivots, rank, tolerance, new Float64Array(2 * n), info);
      const rows = rank[0]!;
      for (let i = 0; i < rows; i++) factor.fill(0, i * n, i * n + i);
      return { rank: rows, factor: factor.slice(0, rows * n), order: pivots.map((place) => place - 1) };
    },
  };
}
