import { RuntimeUnavailableError, UnsupportedError, type DType } from '@flowmap/tensor';
import type { TensorInfo } from '../tfjs.js';
import type { Binding, NativeBackend } from './binding.js';

const runtime = 'tfjs (tensorflow)';

/** Attributes of an operation, by TensorFlow's names. */
export type OperationAttributes = Readonly<Record<string, AttributeValue>>;

type AttributeValue = boolean | number | readonly number[] | string | { readonly dtype: DType };

/** An argument of an operation: a tensor, or numbers passed as an int32 tensor, such as the axes of a sum. */
export type Argument = TensorInfo | Integers;

/** Whole numbers: one, a list, or rows of equal length. */
export interface Integers {
  readonly integers: readonly number[];
  readonly shape: readonly number[];
}

/** Runs an operation of the native library. Type attributes that follow from the arguments may be left out. */
export type Operate = (name: string, args: readonly Argument[], attributes?: OperationAttributes) => TensorInfo;

/**
 * The operations of a back end, called without the kernels that tfjs-node registers: those create tensors of
 * TensorFlow.js's engine, which counts and keeps them, put their parameters on its active back end, and call functions
 * that Node 23 no longer has.
 *
 * @throws {RuntimeUnavailableError} when the back end's binding is not that of tfjs-node
 */
export function operationsOf(backend: NativeBackend): Operate {
  const { binding } = backend;
  if (binding === undefined) {
    const advice = 'the back end of this name is not that of @tensorflow/tfjs-node 4, whose binding this package calls';
    throw new RuntimeUnavailableError(runtime, advice);
  }
  const dtypes: readonly [DType, number][] = [
    ['float32', binding.TF_FLOAT],
    ['int32', binding.TF_INT32],
    ['bool', binding.TF_BOOL],
  ];
  const numberOf = new Map(dtypes);
  const nameOf = new Map(dtypes.map(([name, number]) => [number, name]));

  return (name, args, attributes = {}) => {
    const made: number[] = [];
    const ids = args.map((arg) => {
      if (!('integers' in arg)) return backend.getInputTensorIds([arg])[0]!;
      const id = binding.createTensor(arg.shape, binding.TF_INT32, Int32Array.from(arg.integers));
      made.push(id);
      return id;
    });
    try {
      const described = Object.entries(attributes).map(([key, value]) => ({
        name: key,
        ...(typeof value === 'object' && 'dtype' in value
          ? { type: binding.TF_ATTR_TYPE, value: numberOf.get(value.dtype) }
          : { type: typeOf(binding, value), value }),
      }));
      const [{ id, shape, dtype }] = binding.executeOp(name, described, ids, 1);
      const dataId = {};
      backend.tensorMap.set(dataId, { shape, dtype, id, values: null, refCount: 1 });
      return { dataId, shape, dtype: nameOf.get(dtype) ?? String(dtype) };
    } finally {
      for (const id of made) binding.deleteTensor(id);
    }
  };
}

function typeOf(binding: Binding, value: boolean | string | number | readonly number[]): number {
  if (typeof value === 'boolean') return binding.TF_ATTR_BOOL;
  return typeof value === 'string' ? binding.TF_ATTR_STRING : binding.TF_ATTR_INT;
}

/**
 * Whole numbers in any arrangement.
 *
 * @throws {UnsupportedError} when one does not fit into 32 bits
 */
function array(values: readonly number[], shape: readonly number[]): Integers {
  const large = values.find((value) => value !== (value | 0));
  if (large === undefined) return { integers: values, shape };
  throw new UnsupportedError(runtime, `an extent of ${large}`, 'use a smaller batch');
}

/** A list of whole numbers. */
export function integers(values: readonly number[]): Integers {
  return array(values, [values.length]);
}

/** One whole number. */
export function integer(value: number): Integers {
  return array([value], []);
}

/** Rows of equal length. */
export function rows(values: readonly (readonly number[])[]): Integers {
  return array(values.flat(), [values.length, values[0]?.length ?? 0]);
}
