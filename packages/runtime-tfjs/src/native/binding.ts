import type { Backend, TensorInfo } from '../tfjs.js';

/** A tensor as the native library sees it. */
interface Handle {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** An attribute of an operation of the native library; `type` is a number that the binding names. */
interface OperationAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** The native addon: TensorFlow's eager operations over numbered tensors. */
export interface Binding {
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_BOOL: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_TYPE: number;
  createTensor(shape: readonly number[], dtype: number, values: Int32Array | Float32Array | Uint8Array): number;
  deleteTensor(id: number): void;
  executeOp(name: string, attributes: readonly OperationAttribute[], inputs: readonly number[], outputs: 1): [Handle];
}

/** What the back end of tfjs-node offers beyond the others. */
export interface NativeBackend extends Backend {
  /** Absent where another back end has taken the name. */
  readonly binding?: Binding;
  /** Which tensor of the library each buffer is. */
  readonly tensorMap: { set(dataId: object, data: object): void };
  /** The library's tensors; those that have only been written so far are created now. */
  getInputTensorIds(infos: readonly TensorInfo[]): number[];
}
