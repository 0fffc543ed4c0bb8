import type { DType } from '@flowmap/tensor';
import type { TensorInfo } from '../tfjs.js';
import type { Binding, NativeBackend } from './binding.js';

/** Attributes of an operation, by TensorFlow's names. */
export type OperationAttributes = Readonly<Record<string, AttributeValue>>;

type AttributeValue = boolean | number | readonly number[] | string | { readonly dtype: DType };

/** An argument of an operation: a tensor, or numbers that it takes as an int32 tensor, such as the axes of a sum. */
export type Argument = TensorInfo | Integers;

/** Whole numbers: one or a list or, of rank 2, rows of equal length. */
export interface Integers {
  readonly integers: readonly number[];
  readonly shape: readonly number[];
}

/** Runs an operation of the native library. Type attributes that follow from the arguments may be left out. */
export type Operate = (name: string, args: readonly Argument[], attributes?: OperationAttributes) => TensorInfo;

/**
 * The operations of a back end, called without the kernels that tfjs-node registers: these make tensors of
 * TensorFlow.js's engine, which it counts and keeps, put their parameters on its active back end, and call functions that
 * Node 23 no longer has.
 */
export function operationsOf(backend: NativeBackend): Operate {
  const { binding } = backend;
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

/** A list of whole numbers. */
export function integers(values: readonly number[]): Integers {
  return { integers: values, shape: [values.length] };
}

/** One whole number. */
export function integer(value: number): Integers {
  return { integers: [value], shape: [] };
}
