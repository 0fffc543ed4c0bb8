import { isFloat, type HalfDType } from '../graph/dtype.js';
import type { HostTensor } from '../runtime/host-tensor.js';
import { program, type Program } from '../program/program.js';
import type { Runtime } from '../runtime/runtime.js';
import { input, type Tensor } from '../graph/tensor.js';
import type { Case } from './case.js';
import { errorsOf, halfTolerances, mismatch, tolerances, type Errors } from './compare.js';
import { derivativesOf, orders, type DerivativeKind } from './derivatives.js';
import { as, normal, type Sample } from './samples.js';

interface Output {
  readonly label: string;
  readonly kind: DerivativeKind;
  readonly half: HalfDType | undefined;
}

/** Cases and all their derivatives as one program, so that a runtime compiles only once. */
interface Suite {
  readonly program: Program;
  readonly feeds: Readonly<Record<string, HostTensor>>;
  /** The meaning of each output of the program. */
  readonly outputs: ReadonlyMap<string, Output>;
}

function suiteOf(name: string, cases: readonly Case[]): Suite {
  const samples: Record<string, Sample> = {};
  const arguments_ = cases.map(({ args, f }, i) => {
    const declare = (key: string, sample: Sample): string => {
      samples[`${key}_${String(i)}`] = sample;
      return `${key}_${String(i)}`;
    };
    const result = f(...args.map(({ shape, dtype }) => input('argument', shape, dtype)));
    const floats = args.filter(({ dtype }) => isFloat(dtype));
    return {
      args: args.map((sample, j) => declare(`x${String(j)}`, sample)),
      directions: floats.map(({ shape, dtype }, j) => declare(`v${String(j)}`, as(dtype, normal(shape)))),
      cotangent: declare('u', isFloat(result.dtype) ? as(result.dtype, normal(result.shape)) : normal(result.shape)),
    };
  });
  const outputs = new Map<string, Output>();
  const built = program(name, { inputs: samples }, (inputs) => {
    const results: Record<string, Tensor> = {};
    cases.forEach((case_, i) => {
      const { args, directions, cotangent } = arguments_[i]!;
      const tensors = (names: readonly string[]): Tensor[] => names.map((key) => inputs[key]!);
      const derivatives = derivativesOf(case_.f, tensors(args), tensors(directions), inputs[cotangent]!);
      derivatives.forEach(({ label, kind, tensor }, j) => {
        const key = `y${String(j)}_${String(i)}`;
        results[key] = tensor;
        outputs.set(key, { label: `${case_.name}: ${label}`, kind, half: case_.half });
      });
    });
    return { outputs: results };
  });
  const feeds = Object.fromEntries(Object.entries(samples).map(([key, sample], i) => [key, sample.draw(i)]));
  return { program: built, feeds, outputs };
}

/** One result of a case on a runtime, compared with the oracle's. */
export interface Comparison {
  /** Which case and which derivative. */
  readonly label: string;
  readonly kind: DerivativeKind;
  readonly errors: Errors;
  /** How they differ, if by more than is accepted. */
  readonly difference: string | undefined;
}

/**
 * Runs cases with all their derivatives on two runtimes and compares the results.
 *
 * @param tolerance factor on the table of tolerances
 */
export async function compare(
  name: string,
  cases: readonly Case[],
  runtime: Runtime,
  oracle: Runtime,
  tolerance: number,
): Promise<Comparison[]> {
  const suite = suiteOf(name, cases);
  const [got, wanted] = [await resultsOf(runtime, suite), await resultsOf(oracle, suite)];
  return [...suite.outputs].map(([key, { label, kind, half }]) => {
    const [mine, theirs] = [got[key]!, wanted[key]!];
    const accepted = tolerance * (half ? halfTolerances[half] : tolerances[runtime.precision])[orders[kind]];
    return { label, kind, errors: errorsOf(mine.data, theirs.data), difference: mismatch(mine, theirs, accepted) };
  });
}

/** The comparisons that fail, in words. */
export function failuresOf(results: readonly Comparison[]): string[] {
  return results.flatMap(({ label, difference }) => (difference === undefined ? [] : [`${label}: ${difference}`]));
}

/** Runs cases as {@link compare} does, and returns the failures. */
export async function disagreements(...args: Parameters<typeof compare>): Promise<string[]> {
  return failuresOf(await compare(...args));
}

async function resultsOf(runtime: Runtime, { program, feeds }: Suite): Promise<Record<string, HostTensor>> {
  const executable = await runtime.compile(program);
  const outputs = await executable.run(feeds);
  const values: Record<string, HostTensor> = {};
  for (const [key, tensor] of Object.entries(outputs)) {
    values[key] = await tensor.read();
    tensor.dispose();
  }
  await executable.dispose();
  return values;
}
