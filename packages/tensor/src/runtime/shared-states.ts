import { SharingError } from '../errors.js';
import type { TensorSpec } from '../graph/dtype.js';
import type { HostTensor, HostTensors } from './host-tensor.js';
import { specText, type Signature } from '../program/program.js';
import { sameShape } from '../graph/shape.js';
import { turns, type InTurn } from './turns.js';

/** Where a runtime keeps states between runs. `Value` is how a state is stored there. */
export interface StateMemory<Value> {
  /** Copies a host tensor. */
  write(tensor: HostTensor): Value | Promise<Value>;
  /** Copies a value to the host. */
  read(value: Value, spec: TensorSpec): HostTensor | Promise<HostTensor>;
  /** Called with a value that has been replaced, or that no executable has any more. */
  release(value: Value): void;
}

/** A state of one executable, or of all that share it. */
interface State<Value> {
  readonly spec: TensorSpec;
  /** Undefined until it is written. */
  value: Value | undefined;
  /** How many executables have it. */
  owners: number;
}

/**
 * What executables that share states, directly or through others, have in common: the states by name, and the order of
 * calls.
 */
export interface Shared<Value> {
  readonly states: Map<string, State<Value>>;
  readonly inTurn: InTurn;
}

export function newShared<Value>(): Shared<Value> {
  return { states: new Map(), inTurn: turns() };
}

/** The states of one executable. */
export interface OwnedStates<Value> {
  /** Whether a state of this name has been written. */
  has(name: string): boolean;
  /** The value of a state that has been written. */
  readonly valueOf: (name: string) => Value;
  /** Sets states, and releases their old values. */
  replace(values: Readonly<Record<string, Value>>): void;
  /** Copies host tensors to states: all of them, or none if that fails. */
  write(values: HostTensors): Promise<void>;
  /** Copies states that have been written to the host. */
  read(names: readonly string[]): Promise<Record<string, HostTensor>>;
  /** Gives up the states; those that no other executable has are released. */
  leave(): void;
}

/**
 * Makes a program an owner of its states, together with those that already have states of the same names.
 *
 * @throws {SharingError} when one of them differs in shape or dtype
 */
export function own<Value>(
  { states }: Shared<Value>,
  program: Signature,
  memory: StateMemory<Value>,
): OwnedStates<Value> {
  const specs = Object.entries(program.state);
  for (const [name, spec] of specs) {
    const there = states.get(name)?.spec;
    if (there !== undefined && !(sameShape(there.shape, spec.shape) && there.dtype === spec.dtype)) {
      const wanted = `wanted ${specText(there)}, as it is there, got ${specText(spec)}`;
      throw new SharingError(program.name, `state '${name}': ${wanted}; give one of the two another name`, name);
    }
  }
  const owned = new Map<string, State<Value>>();
  for (const [name, spec] of specs) {
    const state = states.get(name) ?? { spec, value: undefined, owners: 0 };
    state.owners++;
    states.set(name, state);
    owned.set(name, state);
  }

  const valueOf = (name: string): Value => owned.get(name)!.value!;
  const replace = (values: Readonly<Record<string, Value>>): void => {
    for (const [name, value] of Object.entries(values)) {
      const state = owned.get(name)!;
      const before = state.value;
      state.value = value;
      if (before !== undefined) memory.release(before);
    }
  };
  return {
    has: (name) => owned.get(name)?.value !== undefined,
    valueOf,
    replace,
    async write(values) {
      const copies: Record<string, Value> = {};
      try {
        for (const [name, value] of Object.entries(values)) copies[name] = await memory.write(value);
      } catch (error) {
        for (const copy of Object.values(copies)) memory.release(copy);
        throw error;
      }
      replace(copies);
    },
    async read(names) {
      const copies: Record<string, HostTensor> = {};
      for (const name of names) copies[name] = await memory.read(valueOf(name), program.state[name]!);
      return copies;
    },
    leave() {
      for (const [name, state] of owned) {
        if (--state.owners > 0) continue;
        states.delete(name);
        if (state.value !== undefined) memory.release(state.value);
      }
    },
  };
}
