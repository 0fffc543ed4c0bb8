import { describe, expect, it } from 'vitest';
import { DisposedError, SharingError } from '../errors.js';
import { guarded, type CompiledProgram } from './guarded.js';
import { hostTensor, type HostTensor } from './host-tensor.js';
import { program, type Signature } from '../program/program.js';

/** A state in the memory of a slow device, which records what happens there. */
interface Cell {
  readonly label: string;
  readonly tensor: HostTensor;
}

const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const scalar = (value: number): HostTensor => hostTensor([], [value]);
const signature = (name: string, ...states: string[]): Signature =>
  program<string, string>(name, { inputs: {}, state: Object.fromEntries(states.map((state) => [state, []])) }, () => ({
    outputs: {},
  }));

function device() {
  const events: string[] = [];
  const live = new Set<Cell>();
  const cell = (label: string, tensor: HostTensor): Cell => {
    const made = { label, tensor };
    live.add(made);
    return made;
  };
  let under = 0;
  const slow = async <T>(event: string, done: () => T): Promise<T> => {
    expect(++under, `${event} overlaps`).toBe(1);
    await later();
    under--;
    events.push(event);
    return done();
  };
  const executable = guarded<Cell>({
    write: (tensor) =>
      slow(`write ${String(tensor.data[0])}`, () => {
        if (tensor.data[0] === 13) throw new Error('no room');
        return cell('written', tensor);
      }),
    read: ({ label, tensor }) => slow(`read ${label}`, () => tensor),
    release: (value) => expect(live.delete(value)).toBe(true),
  });
  /** Each run leaves a new value in the named states. */
  const compiled = (name: string, ...updated: string[]): CompiledProgram<Cell> => ({
    run: (_, stateOf) =>
      slow(`run ${name}`, () => {
        const before = updated.map((state) => [state, stateOf(state).tensor] as const);
        return {
          outputs: {},
          updates: Object.fromEntries(before.map(([state, tensor]) => [state, cell(name, tensor)])),
        };
      }),
    dispose: () => slow(`dispose ${name}`, () => undefined),
  });
  return { events, live, executable, compiled };
}

describe('guarded executables', () => {
  it('take one call at a time, even if they share states', async () => {
    const { events, executable, compiled } = device();
    const one = await executable(signature('one', 'a'), undefined, () => compiled('one', 'a'));
    const two = await executable(signature('two', 'a', 'b'), one, () => compiled('two', 'b'));
    const calls = [
      two.writeState({ a: scalar(1), b: scalar(2) }),
      one.run({}),
      two.readState(['a']),
      two.run({}),
      one.dispose(),
      two.readState(),
      two.dispose(),
    ];
    await Promise.all(calls);
    expect(events).toEqual([
      'write 1',
      'write 2',
      'run one',
      'read one',
      'run two',
      'dispose one',
      'read one',
      'read two',
      'dispose two',
    ]);
  });

  it('hold each state once, and release it with its last owner', async () => {
    const { live, executable, compiled } = device();
    const one = await executable(signature('one', 'a', 'b'), undefined, () => compiled('one', 'a', 'b'));
    const two = await executable(signature('two', 'b', 'c'), one, () => compiled('two', 'b'));
    await one.writeState({ a: scalar(1), b: scalar(2) });
    await two.writeState({ b: scalar(3), c: scalar(4) });
    expect(live.size).toBe(3);
    for (let i = 0; i < 3; i++) {
      await one.run({});
      await two.run({});
    }
    expect(live.size).toBe(3);
    await one.dispose();
    expect([...live].map(({ label }) => label).sort()).toEqual(['two', 'written']);
    await two.dispose();
    expect(live.size).toBe(0);
  });

  it('write all of the states they are given, or none', async () => {
    const { live, executable, compiled } = device();
    const one = await executable(signature('one', 'a', 'b'), undefined, () => compiled('one'));
    await one.writeState({ a: scalar(1), b: scalar(2) });
    await expect(one.writeState({ a: scalar(3), b: scalar(13) })).rejects.toThrow('no room');
    expect(await one.readState()).toEqual({ a: scalar(1), b: scalar(2) });
    expect(live.size).toBe(2);
  });

  it('leave shared states as they were if compiling fails', async () => {
    const { live, executable, compiled } = device();
    const one = await executable(signature('one', 'a'), undefined, () => compiled('one'));
    await one.writeState({ a: scalar(1) });
    const failed = executable(signature('two', 'a', 'b'), one, () => Promise.reject(new Error('too large')));
    await expect(failed).rejects.toThrow('too large');
    expect(await one.readState()).toEqual({ a: scalar(1) });
    const three = signature('three', 'b');
    await expect(
      executable({ ...three, state: { b: { shape: [2], dtype: 'float32' } } }, one, () => compiled('three')),
    ).resolves.toBeDefined();
    await one.dispose();
    expect(live.size).toBe(0);
  });

  it('are not compiled if they cannot share', async () => {
    const { executable, compiled } = device();
    const one = await executable(signature('one', 'a'), undefined, () => compiled('one'));
    const elsewhere = await device().executable(signature('elsewhere', 'a'), undefined, () => compiled('elsewhere'));
    const never = (): never => expect.unreachable('compiled');
    await expect(executable(signature('two', 'a'), elsewhere, never)).rejects.toThrow(SharingError);
    const other = { ...signature('two'), state: { a: { shape: [], dtype: 'int32' } } } as const;
    await expect(executable(other, one, never)).rejects.toThrow(
      "program 'two' cannot share states: state 'a': wanted float32 []",
    );
    await one.dispose();
    await expect(executable(signature('two', 'a'), one, never)).rejects.toThrow(DisposedError);
  });
});
