import { isFloat, type DType } from '../../graph/dtype.js';
import { roundTo } from '../../graph/half.js';
import type { HostTensor } from '../../runtime/host-tensor.js';
import type { Primitive } from '../../graph/primitives.js';
import { program, type Program } from '../../program/program.js';
import type { Runtime } from '../../runtime/runtime.js';
import { sameShape, sizeOf } from '../../graph/shape.js';
import type { Tensor } from '../../graph/tensor.js';
import { specialCases, type SpecialCase } from './cases.js';
import { ranges } from './values.js';

/** The results of a runtime for a primitive's special cases in a dtype. */
export interface SpecialResult {
  readonly primitive: Primitive;
  readonly dtype: DType;
  /** True if it agrees only when numbers below the smallest normal one are taken as zeros, which is accepted. */
  readonly flushes: boolean;
  /**
   * The elements that differ from the oracle's, in words: for each case the first where NaN, an infinity, or a number
   * is wanted.
   */
  readonly differences: readonly string[];
}

interface Entry extends SpecialCase {
  readonly primitive: Primitive;
}

/**
 * Accepted error relative to each wanted number, in units of the dtype's rounding of 2^-24, 2^-11 and 2^-8: the longest
 * sums here round about ten times, and back ends have their own exponentials and sines.
 */
const units: Readonly<Record<string, number>> = { float32: 2 ** -18, float16: 2 ** -8, bfloat16: 2 ** -5 };

/**
 * Runs every primitive on NaN, infinities, zeros, and the largest and smallest numbers, in each operand, for the dtypes
 * that a runtime has, and compares element by element: NaN and infinities must be where the oracle's are once rounded
 * to the dtype, and whole numbers and bools must be the same. The sign of a zero is left open.
 *
 * @param oracle the float64 reference runtime
 */
export async function compareSpecialValues(runtime: Runtime, oracle: Runtime): Promise<SpecialResult[]> {
  const results: SpecialResult[] = [];
  for (const dtype of runtime.dtypes) results.push(...(await compareIn(dtype, runtime, oracle)));
  return results;
}

async function compareIn(dtype: DType, runtime: Runtime, oracle: Runtime): Promise<SpecialResult[]> {
  const all = specialCases(dtype);
  const entries = all.flatMap(([primitive, cases]) => cases.map((case_) => ({ ...case_, primitive })));
  const kept = entries.filter(({ args, f }) => hasDTypes(runtime, args, f));
  const suite = suiteOf(`special numbers of ${dtype}`, kept);
  const got = await resultsOf(runtime, suite, kept);
  const wanted = await resultsOf(oracle, suite, kept);
  const flushed = await resultsOf(
    oracle,
    suite,
    kept.map((entry) => ({ ...entry, args: entry.args.map(flush) })),
  );
  return all.map(([primitive]) => {
    const differences: string[] = [];
    let flushes = false;
    kept.forEach((entry, i) => {
      if (entry.primitive !== primitive) return;
      const found = compareTensors(got[i]!, wanted[i]!, flushed[i]!);
      flushes ||= found.flushes;
      const wrong = grouped(found.wrong, (place) => valueText(wanted[i]!.data[place]!));
      for (const [value, places] of wrong) {
        const numbers = inWords(places[0]!, entry.args, got[i]!, wanted[i]!);
        const count = `${places.length} of ${got[i]!.data.length} differ`;
        differences.push(`${primitive}, ${dtype}, ${entry.name}, ${value} wanted: ${numbers}; ${count}`);
      }
    });
    return { primitive, dtype, flushes, differences };
  });
}

function grouped(places: readonly number[], keyOf: (place: number) => string): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const place of places) {
    const key = keyOf(place);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [place]);
    else group.push(place);
  }
  return groups;
}

function valueText(value: number): string {
  return Number.isNaN(value) ? 'NaN' : Number.isFinite(value) ? 'a number' : 'an infinity';
}

/** One wrong element, with the elements that it was computed from if operands have the result's shape. */
function inWords(place: number, args: readonly HostTensor[], got: HostTensor, wanted: HostTensor): string {
  const operands = args.filter(({ shape }) => sameShape(shape, got.shape)).map(({ data }) => String(data[place]));
  const of = operands.length > 0 ? `of ${operands.join(' and ')}` : `at ${String(place)}`;
  return `${String(wanted.data[place])} became ${String(got.data[place])} ${of}`;
}

/** True if a runtime has the dtypes of a case: a cast to any other is left out. */
function hasDTypes(runtime: Runtime, args: readonly HostTensor[], f: SpecialCase['f']): boolean {
  const built = program('case', { inputs: named(args) }, (inputs) => ({ outputs: { y: f(...Object.values(inputs)) } }));
  return built.nodes.every(({ dtype }) => runtime.dtypes.includes(dtype));
}

function named<T>(values: readonly T[]): Record<string, T> {
  return Object.fromEntries(values.map((value, i) => [`x${String(i)}`, value]));
}

function suiteOf(name: string, entries: readonly Entry[]): Program {
  const inputs = Object.fromEntries(
    entries.flatMap(({ args }, i) => args.map((arg, j) => [inputName(i, j), { shape: arg.shape, dtype: arg.dtype }])),
  );
  return program(name, { inputs }, (tensors) => {
    const outputs: Record<string, Tensor> = {};
    entries.forEach(({ args, f }, i) => {
      outputs[outputName(i)] = f(...args.map((_, j) => tensors[inputName(i, j)]!));
    });
    return { outputs };
  });
}

const inputName = (entry: number, argument: number): string => `x${String(argument)}_${String(entry)}`;
const outputName = (entry: number): string => `y${String(entry)}`;

async function resultsOf(runtime: Runtime, suite: Program, entries: readonly Entry[]): Promise<HostTensor[]> {
  const executable = await runtime.compile(suite);
  const feeds = Object.fromEntries(entries.flatMap(({ args }, i) => args.map((arg, j) => [inputName(i, j), arg])));
  const outputs = await executable.run(feeds);
  const values: HostTensor[] = [];
  for (let i = 0; i < entries.length; i++) {
    const tensor = outputs[outputName(i)]!;
    values.push(await tensor.read());
    tensor.dispose();
  }
  await executable.dispose();
  return values;
}

/** The places where a result is wrong, and whether any is right only with denormals as zeros. */
function compareTensors(
  got: HostTensor,
  wanted: HostTensor,
  flushed: HostTensor,
): { wrong: number[]; flushes: boolean } {
  const { dtype, shape } = wanted;
  if (got.dtype !== dtype || !sameShape(got.shape, shape) || got.data.length !== sizeOf(shape)) {
    return { wrong: [0], flushes: false };
  }
  const wrong: number[] = [];
  let flushes = false;
  for (let i = 0; i < wanted.data.length; i++) {
    const value = got.data[i]!;
    if (agrees(value, wanted.data[i]!, dtype)) continue;
    if (agrees(value, flushed.data[i]!, dtype) || losesDigits(value, wanted.data[i]!, dtype)) flushes = true;
    else wrong.push(i);
  }
  return { wrong, flushes };
}

function agrees(got: number, wanted: number, dtype: DType): boolean {
  if (!isFloat(dtype)) return got === wanted;
  const round = (value: number): number => (dtype === 'float32' ? Math.fround(value) : roundTo(value, dtype));
  const rounded = round(wanted);
  if (!Number.isFinite(rounded)) return Object.is(round(got), rounded);
  return Math.abs(got - rounded) <= units[dtype]! * Math.abs(rounded) + 2 * ranges[dtype].smallest;
}

/** True for a result too small to have all digits if it has fewer or none, but the right sign and size. */
function losesDigits(got: number, wanted: number, dtype: DType): boolean {
  return isDenormal(wanted, dtype) && Math.abs(got - wanted) <= Math.abs(wanted);
}

function isDenormal(value: number, dtype: DType): boolean {
  return isFloat(dtype) && Math.abs(value) < ranges[dtype].smallestNormal;
}

/** The tensor with zeros for numbers below the smallest normal one. */
function flush(tensor: HostTensor): HostTensor {
  const { dtype } = tensor;
  return isFloat(dtype)
    ? { ...tensor, data: tensor.data.map((value) => (isDenormal(value, dtype) ? 0 * value : value)) }
    : tensor;
}
