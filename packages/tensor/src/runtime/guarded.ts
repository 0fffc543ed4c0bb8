import { DisposedError, SharingError } from '../errors.js';
import type { Signature } from '../program/program.js';
import { checkFeeds, checkStateWritten, type DeviceTensor, type Executable, type Feeds } from './runtime.js';
import { newShared, own, type Shared, type StateMemory } from './shared-states.js';

/** The results of one run: its outputs, and the new value of each state that the program changes. */
export interface RunResults<Value> {
  readonly outputs: Record<string, DeviceTensor>;
  readonly updates: Readonly<Record<string, Value>>;
}

/** A program as a back end runs it. Calls to it never overlap, and none comes after `dispose`. */
export interface CompiledProgram<Value> {
  /**
   * @param inputs all inputs, checked for shape and dtype
   * @param stateOf returns the value of a state of the program; all states have been written
   */
  run(inputs: Feeds, stateOf: (name: string) => Value): RunResults<Value> | Promise<RunResults<Value>>;
  /** Releases everything the program holds except its states. */
  dispose(): void | Promise<void>;
}

/**
 * Makes an executable.
 *
 * @param program what one run takes and returns
 * @param sharing an executable to share states of equal names with, or undefined
 * @param compile called once sharing is known to be possible
 * @throws {SharingError} for an executable from another runtime, or a state that differs
 * @throws {DisposedError} for an executable that was disposed
 */
export type MakeExecutable<Value> = (
  program: Signature,
  sharing: Executable | undefined,
  compile: () => CompiledProgram<Value> | Promise<CompiledProgram<Value>>,
) => Promise<Executable>;

/**
 * What the executables of all runtimes have in common: they check what they are given, take one call at a time, and
 * keep their own or shared states. A runtime calls this once and makes all of its executables with the result.
 *
 * @param memory where the runtime keeps states
 */
export function guarded<Value>(memory: StateMemory<Value>): MakeExecutable<Value> {
  const known = new WeakMap<Executable, { readonly shared: Shared<Value>; readonly isDisposed: () => boolean }>();

  const sharedWith = (program: Signature, sharing: Executable): Shared<Value> => {
    const other = known.get(sharing);
    if (other === undefined) {
      const fault = `program '${sharing.program.name}' was compiled by another runtime, or for another device`;
      throw new SharingError(program.name, `${fault}; compile both with one and the same`);
    }
    if (other.isDisposed()) throw new DisposedError(`program '${sharing.program.name}'`);
    return other.shared;
  };

  return async (program, sharing, compile) => {
    const shared = sharing === undefined ? newShared<Value>() : sharedWith(program, sharing);
    // Done before anything is awaited, so that the states outlive the executable that they are shared with.
    const states = own(shared, program, memory);
    let compiled: CompiledProgram<Value>;
    try {
      compiled = await compile();
    } catch (error) {
      states.leave();
      throw error;
    }

    let disposed: Promise<void> | undefined;
    const requireLive = (): void => {
      if (disposed !== undefined) throw new DisposedError(`program '${program.name}'`);
    };
    const executable: Executable = {
      program,
      async writeState(values) {
        requireLive();
        checkFeeds(program, 'state', values);
        return shared.inTurn(() => states.write(values));
      },
      async readState(names) {
        requireLive();
        return shared.inTurn(async () => {
          checkStateWritten(program, states, names);
          return states.read(names ?? Object.keys(program.state));
        });
      },
      async run(inputs) {
        requireLive();
        checkFeeds(program, 'input', inputs);
        return shared.inTurn(async () => {
          checkStateWritten(program, states);
          const { outputs, updates } = await compiled.run(inputs, states.valueOf);
          states.replace(updates);
          return outputs;
        });
      },
      dispose() {
        disposed ??= shared.inTurn(async () => {
          states.leave();
          await compiled.dispose();
        });
        return disposed;
      },
    };
    known.set(executable, { shared, isDisposed: () => disposed !== undefined });
    return executable;
  };
}
