// The part of TensorFlow.js that this package uses, declared here so that programs depending on this package type-check
// without TensorFlow.js installed.

/** A tensor on a back end: a counted reference to its buffer, with shape and dtype. */
export interface TensorInfo {
  readonly dataId: object;
  readonly shape: number[];
  readonly dtype: string;
}

/** Static arguments of a kernel, by TensorFlow.js's names. */
export type Attributes = Readonly<Record<string, unknown>>;

/** Tensors that a kernel takes: by name, or as a list if it takes any number. */
export type KernelInputs = Readonly<Record<string, TensorInfo>> | readonly TensorInfo[];

/** Memory of a back end. */
export interface Backend {
  write(values: Float32Array | Int32Array | Uint8Array, shape: number[], dtype: string): object;
  read(dataId: object): Promise<unknown>;
  incRef(dataId: object): void;
  disposeData(dataId: object): boolean;
  numDataIds(): number;
}

/** A kernel as TensorFlow.js registers it. */
export interface KernelConfig {
  kernelFunc(call: { inputs: object; attrs?: object; backend: unknown }): TensorInfo | TensorInfo[];
}

/** The module `@tensorflow/tfjs-core`, or `@tensorflow/tfjs` or any other that exports the same. */
export interface Tfjs {
  /** Version of TensorFlow.js itself. */
  readonly version_core?: string;
  /** Versions of the packages of a module that holds several. */
  readonly version?: Readonly<Record<string, string>> | string;
  getBackend(): string;
  setBackend(name: string): Promise<boolean>;
  findBackend(name: string): unknown;
  findBackendFactory(name: string): unknown;
  env(): { get(flag: string): unknown };
  getKernel(name: string, backendName: string): KernelConfig | undefined;
}
