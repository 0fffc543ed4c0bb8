import { FeedError, UnsupportedDTypeError } from '../errors.js';
import type { DType, TensorSpec } from '../graph/dtype.js';
import { holds, type HostTensor, type HostTensors } from './host-tensor.js';
import { specText, type Program, type Signature } from '../program/program.js';
import { sameShape, sizeOf } from '../graph/shape.js';

/** How a program is compiled. */
export interface CompileOptions {
  /**
   * Steps per run, a whole number >= 1; 1 unless given. From 2 on, inputs and outputs have a leading axis of that
   * extent, one row per step, and the state advances by that many steps: see {@link unroll}. This pays off if every run
   * has a fixed cost, such as transferring the state to the device and back.
   */
  readonly stepsPerRun?: number;
  /**
   * An executable of the same runtime with which this one shares the states of equal names: each sees what the other
   * has written, and memory holds one copy. A state lasts until the last executable that has it is disposed of, in any
   * order. Sharing is transitive: all executables that share with that one take part. Inputs are never shared, whatever
   * their names.
   */
  readonly sharing?: Executable;
}

/** A back end: compiles programs into executables. */
export interface Runtime {
  /** Name for messages and reports, including the device: `onnx (cpu)`. */
  readonly name: string;
  /** What `float32` means here. */
  readonly precision: 'float32' | 'float64';
  /** The dtypes that its programs may have. */
  readonly dtypes: readonly DType[];
  /** What the last bits of its results depend on besides the program: library versions, number of threads. */
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
  /** True where denormal numbers count as zero, in operands and results; elsewhere they may be slow. */
  readonly flushesDenormals?: boolean;
  /**
   * Compiles a program once; the result runs any number of times.
   *
   * @throws {UnsupportedDTypeError} when the program has a tensor of a dtype that this runtime lacks
   * @throws {UnsupportedError} when the program has a primitive that this runtime lacks
   * @throws {ConfigError} for an invalid number of steps
   * @throws {SharingError} for sharing with an executable from another runtime, even of the same kind, or one that has
   *   a state of the same name with another shape or dtype
   * @throws {DisposedError} for sharing with an executable that has been disposed of
   */
  compile(program: Program, options?: CompileOptions): Promise<Executable>;
}

/** A tensor in the memory of a runtime; it reaches the host only when read. */
export interface DeviceTensor extends TensorSpec {
  /**
   * Copies the values to host memory.
   *
   * @throws {DisposedError} after `dispose`
   */
  read(): Promise<HostTensor>;
  /** Releases the memory; a second call does nothing. */
  dispose(): void;
}

/** Arguments of a run, by name: host tensors, or results from the same runtime, which stay on the device. */
export type Feeds = Readonly<Record<string, HostTensor | DeviceTensor>>;

/**
 * A compiled program with its state. Calls may overlap: they take effect one after another in the order in which they
 * were made, including `dispose` and calls of executables that share states. The arguments of a call must not change
 * until it has settled.
 */
export interface Executable {
  /** What one run takes and returns: the compiled program's signature, stacked if a run takes several steps. */
  readonly program: Signature;
  /**
   * Sets the named states, copying them to the device: all of them, or none if memory does not suffice. Every state
   * must be set before the first run.
   *
   * @throws {FeedError} for an unknown name, a wrong shape or a wrong dtype
   */
  writeState(values: HostTensors): Promise<void>;
  /**
   * Copies the named states to host memory, by default all. The copies belong to the caller.
   *
   * @throws {FeedError} for an unknown name or a state that was never written
   */
  readState(names?: readonly string[]): Promise<Record<string, HostTensor>>;
  /**
   * Runs the program once and updates its state.
   *
   * @throws {FeedError} for a missing or unknown input, a wrong shape or dtype, a tensor from another runtime, or state
   *   that was never written
   * @throws {DisposedError} for an input that has been disposed of
   */
  run(inputs: Feeds): Promise<Record<string, DeviceTensor>>;
  /**
   * Once earlier calls have settled, releases the program and the states that it does not share, but not the results of
   * its runs. Every other method rejects with a {@link DisposedError} from then on; a second call waits for the first.
   */
  dispose(): Promise<void>;
}

/**
 * Checks that a runtime has every dtype of a program; runtimes that lack some call it at the start of `compile`.
 *
 * @throws {UnsupportedDTypeError} naming the first tensor of another dtype
 */
export function checkDTypes({ name, dtypes }: Pick<Runtime, 'name' | 'dtypes'>, program: Program): void {
  const lacks = ({ dtype }: TensorSpec): boolean => !dtypes.includes(dtype);
  const refuse = ({ dtype }: TensorSpec, tensor: string): never => {
    throw new UnsupportedDTypeError(name, program.name, dtype, tensor, dtypes);
  };
  for (const role of ['input', 'state'] as const) {
    const found = Object.entries(specsOf(program, role)).find(([, spec]) => lacks(spec));
    if (found) refuse(found[1], `${role} '${found[0]}'`);
  }
  const node = program.nodes.find(lacks);
  if (node) refuse(node, `a result of ${node.primitive}`);
}

/**
 * Checks tensors given to a program against what it takes; {@link guarded} does so in `run` and `writeState`.
 *
 * @param role `input` requires all of the program's inputs, `state` any subset of its states
 * @throws {FeedError} for a missing or unknown name, a wrong shape or dtype, or an array that cannot hold the dtype
 */
export function checkFeeds(program: Signature, role: Role, feeds: Feeds): void {
  const specs = specsOf(program, role);
  const names = Object.keys(specs).join(', ') || 'none';
  for (const name of Object.keys(feeds)) {
    if (!Object.hasOwn(specs, name)) {
      throw new FeedError(program.name, name, `unknown ${role} '${name}'; it takes: ${names}`);
    }
  }
  for (const [name, spec] of Object.entries(specs)) {
    const feed = feeds[name];
    if (feed === undefined) {
      if (role === 'state') continue;
      throw new FeedError(program.name, name, `input '${name}' (${specText(spec)}) is missing; it takes: ${names}`);
    }
    if (!sameShape(feed.shape, spec.shape) || feed.dtype !== spec.dtype) {
      throw new FeedError(program.name, name, `${role} '${name}' is ${specText(spec)}, got ${specText(feed)}`);
    }
    if ('data' in feed && (!holds(feed.dtype, feed.data) || feed.data.length !== sizeOf(feed.shape))) {
      const got = `${feed.data.constructor.name} of length ${feed.data.length}`;
      throw new FeedError(program.name, name, `${role} '${name}' is ${specText(spec)}, got a ${got}`);
    }
  }
}

/**
 * Checks that every state has been written; {@link guarded} does so before a run and in `readState`.
 *
 * @throws {FeedError} naming the first state that has not been written
 */
export function checkStateWritten(
  program: Signature,
  written: { has(name: string): boolean },
  names: readonly string[] = Object.keys(program.state),
): void {
  for (const name of names) {
    if (!Object.hasOwn(program.state, name)) {
      throw new FeedError(program.name, name, `unknown state '${name}'`);
    }
    if (!written.has(name)) {
      throw new FeedError(program.name, name, `state '${name}' was never written; call writeState first`);
    }
  }
}

/** Whether a tensor is an input or a state. */
type Role = 'input' | 'state';

function specsOf(program: Signature, role: Role): Readonly<Record<string, TensorSpec>> {
  return role === 'input' ? program.inputs : program.state;
}
