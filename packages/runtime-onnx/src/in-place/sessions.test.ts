import { gradients, hostTensor, program, type Executable, type HostTensor, type Program } from '@flowmap/tensor';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { compiled, executables } from '../executable.js';
import type { OpenDevice } from '../host/host.js';
import { hostMemory } from '../memory.js';
import { plainSessions, type CreateSession } from '../session.js';
import { sessionOptions } from '../session-options.js';
import { toOnnx } from '../to-onnx.js';
import { findCApi } from './open.js';
import { inPlaceSessions } from './sessions.js';

const api = (await findCApi()).api!;
const inPlace = inPlaceSessions(api);
const options = sessionOptions('cpu', 'cpu', { threads: 1 });

/** Sums the inputs of all runs, and outputs the input and the number of runs. */
const cumulated: Program = program(
  'cumulated',
  {
    inputs: { x: [3], half: { shape: [2], dtype: 'float16' }, whole: { shape: [], dtype: 'int32' } },
    state: { total: [3], runs: { shape: [], dtype: 'int32' }, fixed: [3] },
  },
  ({ x, half, whole }, { total, runs, fixed }) => ({
    outputs: { sum: total.add(x).mul(fixed), half: half.mul(2), positive: whole.greater(0) },
    state: { total: total.add(x), runs: runs.add(1) },
  }),
);
const inputs = {
  x: hostTensor([3], [1, 2, 3]),
  half: hostTensor([2], [0.5, -3], 'float16'),
  whole: hostTensor([], [7], 'int32'),
};
const state = {
  total: hostTensor([3], [0, 10, 20]),
  runs: hostTensor([], [0], 'int32'),
  fixed: hostTensor([3], [1, 1, -1]),
};

/** Sessions that record the arrays holding states and results. */
function watched(create: CreateSession): { create: CreateSession; arrays: Map<string, Set<unknown>> } {
  const arrays = new Map<string, Set<unknown>>();
  const note = (tensors: Readonly<Record<string, ort.Tensor>>): void => {
    for (const [name, { data }] of Object.entries(tensors)) arrays.set(name, (arrays.get(name) ?? new Set()).add(data));
  };
  return {
    arrays,
    create: async (...args) => {
      const session = await create(...args);
      const run: typeof session.run = async (feeds, results) => {
        note(feeds);
        if (results) note(results);
        return session.run(feeds, results);
      };
      return { ...session, run };
    },
  };
}

const opened: OpenDevice = { ort, device: 'cpu', memory: hostMemory(ort), createSession: inPlace };
const executable = executables(opened);

/** Compiles a program to a session made by `create`. */
function compile(built: Program, create: CreateSession, sharing?: Executable): Promise<Executable> {
  return executable(built, sharing, async () => compiled(await create(toOnnx(built), options), opened, built));
}

describe('sessions in place', () => {
  it('compute in the arrays that they are given, of every dtype', async () => {
    const { create, arrays } = watched(inPlace);
    const step = await compile(cumulated, create);
    await step.writeState(state);
    const results: HostTensor[][] = [];
    for (let run = 1; run <= 6; run++) {
      const outputs = await step.run(inputs);
      results.push(await Promise.all(['sum', 'half', 'positive'].map((name) => outputs[name]!.read())));
    }
    for (const [i, [sum, half, positive]] of results.entries()) {
      expect([...sum!.data]).toEqual([1 + i, 12 + 2 * i, -23 - 3 * i]);
      expect([...half!.data]).toEqual([1, -6]);
      expect([...positive!.data]).toEqual([1]);
    }
    const after = await step.readState();
    expect([...after['total']!.data]).toEqual([6, 22, 38]);
    expect([...after['runs']!.data]).toEqual([6]);
    // Two alternating arrays for a state that changes, one for a state that does not; each result has its own.
    expect(arrays.get('state:total')!.size).toBe(2);
    expect(arrays.get('next:total')).toEqual(arrays.get('state:total'));
    expect(arrays.get('state:fixed')!.size).toBe(1);
    expect(arrays.get('sum')!.size).toBe(6);
    await step.dispose();
  });

  it('have a shared state in the same two arrays, whichever writes it', async () => {
    const { create, arrays } = watched(inPlace);
    const add = await compile(cumulated, create);
    const negating = program('negating', { inputs: {}, state: { total: [3] } }, (_, { total }) => ({
      outputs: {},
      state: { total: total.neg() },
    }));
    const negate = await compile(negating, create, add);
    await add.writeState(state);
    for (let run = 0; run < 3; run++) {
      await add.run(inputs);
      await negate.run({});
      await negate.run({});
    }
    expect([...(await negate.readState())['total']!.data]).toEqual([3, 16, 29]);
    expect(arrays.get('state:total')!.size).toBe(2);
    expect(arrays.get('next:total')).toEqual(arrays.get('state:total'));
    await add.dispose();
    await negate.run({});
    expect([...(await negate.readState())['total']!.data]).toEqual([-3, -16, -29]);
    await negate.dispose();
  });

  it('take what others of them gave, and keep a result whatever is run after it', async () => {
    const doubling = program('doubling', { inputs: { x: [4] } }, ({ x }) => ({ outputs: { y: x.add(x) } }));
    const double = await compile(doubling, inPlace);
    const { y: two } = await double.run({ x: hostTensor([4], [1, 2, 3, 4]) });
    const { y: four } = await double.run({ x: two! });
    const { y: eight } = await double.run({ x: four! });
    await double.dispose();
    expect([...(await two!.read()).data]).toEqual([2, 4, 6, 8]);
    expect([...(await eight!.read()).data]).toEqual([8, 16, 24, 32]);
  });

  it('give the bits of onnxruntime-node', async () => {
    const descent = program('descent', { inputs: { x: [32, 16] }, state: { w: [16, 24] } }, ({ x }, { w }) => {
      const loss = x.matmul(w).silu().square().mean();
      return { outputs: { loss }, state: { w: w.sub(gradients(loss, { w }).w) } };
    });
    const wave = (shape: readonly [number, number], frequency: number): HostTensor =>
      hostTensor(
        shape,
        Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => Math.sin(frequency * i)),
      );
    const trained = async (create: CreateSession): Promise<unknown> => {
      const step = await compile(descent, create);
      await step.writeState({ w: wave([16, 24], 0.3) });
      for (let i = 0; i < 5; i++) await step.run({ x: wave([32, 16], 1 + i) });
      const result = await step.readState();
      await step.dispose();
      return result;
    };
    expect(await trained(inPlace)).toEqual(await trained(plainSessions(ort)));
  });

  it('throw what onnxruntime says', () => {
    expect(() => inPlace(Uint8Array.of(1, 2, 3), options)).toThrow(/protobuf parsing failed/);
  });
});
