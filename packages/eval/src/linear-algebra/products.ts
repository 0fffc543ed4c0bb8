/** Terms of a dot product added up before their sum goes to memory. */
const DEPTH = 256;

/** Rows of the second factor that stay in the cache while those of the first pass by. */
const WIDTH = 48;

/** What is known about the zeros of a product's factors, and which entries are wanted. */
export interface ProductShape {
  /** True where row i of the first factor starts with at least i zeros; they are skipped. */
  readonly upperA?: boolean;
  /** True where row j of the second factor starts with at least j zeros; they are skipped. */
  readonly upperB?: boolean;
  /**
   * True to compute only the entries [i, j] with j <= i; others are left unchanged except for a few beside the
   * diagonal.
   */
  readonly lower?: boolean;
}

/**
 * Adds the product of a matrix with the transpose of another: `C += A B^T`, blocked for the cache and for registers.
 * Every entry sums its terms in the same order, so equal rows give equal numbers wherever they are.
 *
 * @param c `[m, n]`, row-major
 * @param a `[m, depth]`
 * @param b `[n, depth]`
 */
export function addProduct(
  c: Float64Array,
  a: Float64Array,
  b: Float64Array,
  [m, n, depth]: readonly [m: number, n: number, depth: number],
  { upperA = false, upperB = false, lower = false }: ProductShape = {},
): void {
  for (let first = 0; first < depth; first += DEPTH) {
    const last = Math.min(depth, first + DEPTH);
    const rows = upperA ? Math.min(m, last) : m;
    const columns = upperB ? Math.min(n, last) : n;
    for (let left = 0; left < columns; left += WIDTH) {
      const right = Math.min(columns, left + WIDTH);
      let i = lower ? left - (left % 4) : 0;
      for (; i + 4 <= rows; i += 4) {
        const end = lower ? Math.min(right, i + 4) : right;
        let j = left;
        for (; j + 2 <= end; j += 2) addTile(c, a, b, n, depth, i, j, first, last);
        if (j < end) for (let row = i; row < i + 4; row++) addEntry(c, a, b, n, depth, row, j, first, last);
      }
      for (; i < rows; i++) {
        const end = lower ? Math.min(right, i + 1) : right;
        for (let j = left; j < end; j++) addEntry(c, a, b, n, depth, i, j, first, last);
      }
    }
  }
}

/** Adds the terms from `first` to `last` of one entry. */
function addEntry(
  c: Float64Array,
  a: Float64Array,
  b: Float64Array,
  n: number,
  depth: number,
  i: number,
  j: number,
  first: number,
  last: number,
): void {
  let sum = 0;
  const [rowA, rowB] = [i * depth, j * depth];
  for (let k = first; k < last; k++) sum += a[rowA + k]! * b[rowB + k]!;
  c[i * n + j]! += sum;
}

/** The same for 4 x 2 entries, whose sums stay in registers. */
function addTile(
  c: Float64Array,
  a: Float64Array,
  b: Float64Array,
  n: number,
  depth: number,
  i: number,
  j: number,
  first: number,
  last: number,
): void {
  let [s00, s01, s10, s11, s20, s21, s30, s31] = [0, 0, 0, 0, 0, 0, 0, 0];
  const a0 = i * depth;
  const a1 = a0 + depth;
  const a2 = a1 + depth;
  const a3 = a2 + depth;
  const b0 = j * depth;
  const b1 = b0 + depth;
  for (let k = first; k < last; k++) {
    const x = b[b0 + k]!;
    const y = b[b1 + k]!;
    const p = a[a0 + k]!;
    s00 += p * x;
    s01 += p * y;
    const q = a[a1 + k]!;
    s10 += q * x;
    s11 += q * y;
    const r = a[a2 + k]!;
    s20 += r * x;
    s21 += r * y;
    const s = a[a3 + k]!;
    s30 += s * x;
    s31 += s * y;
  }
  const at = i * n + j;
  c[at]! += s00;
  c[at + 1]! += s01;
  c[at + n]! += s10;
  c[at + n + 1]! += s11;
  c[at + 2 * n]! += s20;
  c[at + 2 * n + 1]! += s21;
  c[at + 3 * n]! += s30;
  c[at + 3 * n + 1]! += s31;
}

/**
 * Sums of squares of the rows of a matrix, with the terms in the order of {@link addProduct}, so that the distance of a
 * row from itself, computed from two norms and a product, is exactly 0.
 *
 * @param a `[m, depth]`
 */
export function squaredNorms(a: Float64Array, m: number, depth: number): Float64Array {
  const norms = new Float64Array(m);
  for (let first = 0; first < depth; first += DEPTH) {
    const last = Math.min(depth, first + DEPTH);
    for (let i = 0; i < m; i++) {
      let sum = 0;
      for (let at = i * depth + first; at < i * depth + last; at++) sum += a[at]! * a[at]!;
      norms[i]! += sum;
    }
  }
  return norms;
}

/** The product of row i of one matrix with row j of another, with the terms in the order of {@link addProduct}. */
export function rowProduct(
  a: Float32Array | Float64Array,
  i: number,
  b: Float32Array | Float64Array,
  j: number,
  depth: number,
): number {
  let total = 0;
  for (let first = 0; first < depth; first += DEPTH) {
    const last = Math.min(depth, first + DEPTH);
    let sum = 0;
    for (let k = first; k < last; k++) sum += a[i * depth + k]! * b[j * depth + k]!;
    total += sum;
  }
  return total;
}

/** The transpose of `a: [m, n]`, by blocks. */
export function transposed(a: Float64Array, m: number, n: number): Float64Array {
  const out = new Float64Array(m * n);
  const block = 32;
  for (let top = 0; top < m; top += block) {
    for (let left = 0; left < n; left += block) {
      for (let i = top; i < Math.min(m, top + block); i++) {
        for (let j = left; j < Math.min(n, left + block); j++) out[j * m + i] = a[i * n + j]!;
      }
    }
  }
  return out;
}

/** Copies the part below the diagonal of a square matrix above it. */
export function mirrorLower(a: Float64Array, n: number): void {
  const block = 32;
  for (let top = 0; top < n; top += block) {
    for (let left = 0; left <= top; left += block) {
      for (let i = top; i < Math.min(n, top + block); i++) {
        for (let j = left; j < Math.min(i, left + block); j++) a[j * n + i] = a[i * n + j]!;
      }
    }
  }
}
