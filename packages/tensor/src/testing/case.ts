import type { HalfDType } from '../graph/dtype.js';
import type { Tensor } from '../graph/tensor.js';
import type { Sample } from './samples.js';

/** A function of tensors at a point: what a contract test evaluates and differentiates. */
export interface Case {
  /** What distinguishes it: `[2, 1] with [1, 3]`. */
  readonly name: string;
  readonly args: readonly Sample[];
  readonly f: (...args: Tensor[]) => Tensor;
  /** False if a derivative is a convention rather than a limit of differences: at a kink, or past a `stopGradient`. */
  readonly smooth: boolean;
  /** The half in which it computes, if any: results are only as precise as that, whatever their own dtype. */
  readonly half?: HalfDType;
}

/** A case at a point where the function is smooth. */
export function at(name: string, args: readonly Sample[], f: Case['f']): Case {
  return { name, args, f, smooth: true };
}

/** A case at a kink, or with a `stopGradient`: derivatives are compared between runtimes, not with differences. */
export function kink(name: string, args: readonly Sample[], f: Case['f']): Case {
  return { name, args, f, smooth: false };
}
