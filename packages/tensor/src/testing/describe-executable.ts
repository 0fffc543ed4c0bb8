import { describe, expect, it } from 'vitest';
import { DisposedError, FeedError } from '../errors.js';
import { oneHot, stopGradient } from '../functions.js';
import { hostTensor, type HostData, type HostTensor, type HostTensors } from '../host-tensor.js';
import { program, type Program } from '../program.js';
import type { DeviceTensor, Executable, Feeds, Runtime } from '../runtime.js';
import { bind, constant, input, reachable, splat, type Tensor } from '../tensor.js';
import { gradients } from '../vjp.js';
import { mismatch, tolerances } from './compare.js';
import { normal } from './samples.js';

const vector = (...values: number[]): HostTensor => hostTensor([values.length], values);
const scalar = (value: number): HostTensor => hostTensor([], [value]);

const numbers = async (tensor: DeviceTensor | HostTensor | undefined): Promise<number[]> => {
  if (tensor === undefined) throw new Error('the program has no such result');
  return Array.from('data' in tensor ? tensor.data : (await tensor.read()).data);
};

/** `total` grows by `x` each run, `last` keeps `x`, `fixed` never changes; `y` is the old total times `fixed`. */
const accumulator = program(
  'accumulator',
  { inputs: { x: [2] }, state: { total: [2], last: [2], fixed: [] } },
  ({ x }, { total, fixed }) => ({
    outputs: { y: total.mul(fixed), total: total.add(x) },
    state: { total: total.add(x), last: x },
  }),
);
const initial: HostTensors = { total: vector(0, 1), last: vector(0, 0), fixed: scalar(10) };

/** How every executable keeps state, copies, feeds back and rejects. */
export function describeExecutable(runtime: () => Runtime, oracle: () => Runtime): void {
  const started = async (built: Program, state: HostTensors = {}): Promise<Executable> => {
    const executable = await runtime().compile(built);
    await executable.writeState(state);
    return executable;
  };

  describe('state', () => {
    it('moves on with every run, and only what the program changes', async () => {
      const executable = await started(accumulator, initial);
      const first = await executable.run({ x: vector(1, 2) });
      const second = await executable.run({ x: vector(3, 4) });
      expect(await numbers(first['y'])).toEqual([0, 10]);
      expect(await numbers(second['y'])).toEqual([10, 30]);
      const state = await executable.readState();
      expect(Object.keys(state).sort()).toEqual(['fixed', 'last', 'total']);
      expect(await numbers(state['total'])).toEqual([4, 7]);
      expect(await numbers(state['last'])).toEqual([3, 4]);
      expect(await numbers(state['fixed'])).toEqual([10]);
      await executable.dispose();
    });

    it('can be written in parts, before the first run and between runs', async () => {
      const executable = await started(accumulator, { total: vector(5, 5) });
      await executable.writeState({ last: vector(0, 0), fixed: scalar(1) });
      await executable.run({ x: vector(1, 1) });
      await executable.writeState({ fixed: scalar(3) });
      const { y } = await executable.run({ x: vector(1, 1) });
      expect(await numbers(y)).toEqual([18, 18]);
      const state = await executable.readState(['last', 'total']);
      expect(Object.keys(state)).toEqual(['last', 'total']);
      expect(await numbers(state['total'])).toEqual([7, 7]);
      await executable.dispose();
    });

    it('can be swapped, duplicated, passed through and set to an input or a constant', async () => {
      const states = { a: [2], b: [2], c: [2], d: [2], e: [2] };
      const built = program('shuffle', { inputs: { x: [2] }, state: states }, ({ x }, { a, b, c }) => ({
        outputs: { a, newA: b },
        state: { a: b, b: a, c, d: x, e: constant([7, 8]) },
      }));
      const value = (i: number): HostTensor => vector(i, -i);
      const executable = await started(built, { a: value(1), b: value(2), c: value(3), d: value(4), e: value(5) });
      for (const [a, b] of [
        [1, 2],
        [2, 1],
        [1, 2],
      ] as const) {
        const outputs = await executable.run({ x: value(9) });
        expect(await numbers(outputs['a'])).toEqual([a, -a]);
        expect(await numbers(outputs['newA'])).toEqual([b, -b]);
        const state = await executable.readState();
        expect(await numbers(state['a'])).toEqual([b, -b]);
        expect(await numbers(state['b'])).toEqual([a, -a]);
        expect(await numbers(state['c'])).toEqual([3, -3]);
        expect(await numbers(state['d'])).toEqual([9, -9]);
        expect(await numbers(state['e'])).toEqual([7, 8]);
      }
      await executable.dispose();
    });

    it('is kept apart in two executables of one program', async () => {
      const [one, two] = [await started(accumulator, initial), await started(accumulator, initial)];
      await one.run({ x: vector(100, 100) });
      await two.run({ x: vector(1, 1) });
      expect(await numbers((await two.readState())['total'])).toEqual([1, 2]);
      await one.dispose();
      expect(await numbers((await two.run({ x: vector(1, 1) }))['y'])).toEqual([10, 20]);
      await two.dispose();
    });

    it('holds int32 and bool', async () => {
      const built = program(
        'counter',
        { inputs: {}, state: { step: { shape: [], dtype: 'int32' }, odd: { shape: [1], dtype: 'bool' } } },
        (_, { step, odd }) => ({
          outputs: { odd },
          state: { step: step.add(1), odd: odd.equal(splat(0, [1], 'bool')) },
        }),
      );
      const executable = await started(built, {
        step: hostTensor([], Int32Array.of(20_000_000)),
        odd: hostTensor([1], Uint8Array.of(0)),
      });
      for (let i = 0; i < 3; i++) await executable.run({});
      const { step, odd } = await executable.readState();
      expect(step).toEqual(hostTensor([], Int32Array.of(20_000_003)));
      expect(odd).toEqual(hostTensor([1], Uint8Array.of(1)));
      await executable.dispose();
    });

    it('stays as it was when a run is refused', async () => {
      const executable = await started(accumulator, initial);
      await expect(executable.run({ x: vector(1, 2, 3) })).rejects.toThrow(FeedError);
      await expect(executable.writeState({ fixed: scalar(2), total: vector(1) })).rejects.toThrow(FeedError);
      const state = await executable.readState();
      expect(await numbers(state['total'])).toEqual([0, 1]);
      expect(await numbers(state['fixed'])).toEqual([10]);
      await executable.dispose();
    });

    it('trains: gradient descent as on the oracle', async () => {
      const step = program(
        'descent',
        { inputs: { x: [8, 3], target: [8, 2], rate: [] }, state: { w: [3, 2], v: [3, 2] } },
        ({ x, target, rate }, { w, v }) => {
          const loss = x.matmul(w).tanh().sub(target).square().mean();
          const momentum = v.mul(0.9).add(gradients(loss, { w }).w);
          return { outputs: { loss }, state: { v: momentum, w: w.sub(momentum.mul(rate)) } };
        },
      );
      const feeds = { x: normal([8, 3]).draw(1), target: normal([8, 2]).draw(2), rate: scalar(0.125) };
      const losses = async (on: Runtime): Promise<HostTensor> => {
        const executable = await on.compile(step);
        await executable.writeState({ w: normal([3, 2]).draw(3), v: hostTensor([3, 2], new Float32Array(6)) });
        const values: number[] = [];
        for (let i = 0; i < 20; i++) values.push((await numbers((await executable.run(feeds))['loss']))[0]!);
        await executable.dispose();
        return hostTensor([20], values);
      };
      const [got, wanted] = [await losses(runtime()), await losses(oracle())];
      expect(wanted.data[19]).toBeLessThan(wanted.data[0]! / 2);
      // Twenty steps of a contracting map: no more error than a second derivative.
      expect(mismatch(got, wanted, tolerances[runtime().precision][2])).toBeUndefined();
    });
  });

  describe('memory', () => {
    const echo = program('echo', { inputs: { x: [2] } }, ({ x }) => ({
      outputs: { x, again: x, square: x.square(), fixed: constant([1, 2]), everywhere: splat(3, [2]), one: splat(1) },
    }));

    it('an output may be an input or a constant, once or twice', async () => {
      const executable = await started(echo);
      const outputs = await executable.run({ x: vector(3, 4) });
      expect(Object.keys(outputs).sort()).toEqual(['again', 'everywhere', 'fixed', 'one', 'square', 'x']);
      expect(await numbers(outputs['x'])).toEqual([3, 4]);
      outputs['x']!.dispose();
      expect(await numbers(outputs['again'])).toEqual([3, 4]);
      expect(await numbers(outputs['square'])).toEqual([9, 16]);
      expect(await numbers(outputs['everywhere'])).toEqual([3, 3]);
      expect(await numbers(outputs['one'])).toEqual([1]);
      for (const tensor of Object.values(outputs)) tensor.dispose();
      // Disposing of a result that is a constant leaves the program whole.
      expect(await numbers((await executable.run({ x: vector(0, 0) }))['fixed'])).toEqual([1, 2]);
      await executable.dispose();
    });

    it('results stay what they were while later runs go on, and after the executable is gone', async () => {
      const executable = await started(accumulator, initial);
      const results: DeviceTensor[] = [];
      for (let i = 1; i <= 3; i++) results.push((await executable.run({ x: vector(i, i) }))['total']!);
      await executable.dispose();
      expect(await Promise.all(results.map(numbers))).toEqual([
        [1, 2],
        [3, 4],
        [6, 7],
      ]);
    });

    it('state survives the disposal of a result that equals it', async () => {
      const executable = await started(accumulator, initial);
      for (const tensor of Object.values(await executable.run({ x: vector(1, 1) }))) tensor.dispose();
      expect(await numbers((await executable.run({ x: vector(0, 0) }))['total'])).toEqual([1, 2]);
      await executable.dispose();
    });

    it('what is written, fed or read is a copy', async () => {
      const executable = await started(accumulator);
      const total = new Float32Array([1, 2]);
      const fixed = new Float64Array([2]);
      await executable.writeState({
        ...initial,
        total: hostTensor([2], total),
        fixed: hostTensor([], fixed),
      });
      total.fill(99);
      fixed.fill(99);
      const x = new Float32Array([1, 1]);
      const outputs = await executable.run({ x: hostTensor([2], x) });
      x.fill(99);
      expect(await numbers(outputs['y'])).toEqual([2, 4]);
      const state = await executable.readState();
      expect(await numbers(state['last'])).toEqual([1, 1]);
      state['total']!.data.fill(99);
      state['last']!.data.fill(99);
      (await outputs['total']!.read()).data.fill(99);
      expect(await numbers(outputs['total'])).toEqual([2, 3]);
      const again = await executable.readState(['total', 'last']);
      expect(await numbers(again['total'])).toEqual([2, 3]);
      expect(await numbers(again['last'])).toEqual([1, 1]);

      const echoed = await started(echo);
      const fed = new Float32Array([5, 6]);
      const { again: kept } = await echoed.run({ x: hostTensor([2], fed) });
      fed.fill(99);
      expect(await numbers(kept)).toEqual([5, 6]);
      await echoed.dispose();
      await executable.dispose();
    });

    it('a result can be fed back, to its own program and to others', async () => {
      const twice = await started(program('twice', { inputs: { x: [2] } }, ({ x }) => ({ outputs: { y: x.add(x) } })));
      let { y } = await twice.run({ x: vector(1, -1) });
      for (let i = 0; i < 3; i++) {
        const next = await twice.run({ x: y! });
        y!.dispose();
        ({ y } = next);
      }
      const executable = await started(accumulator, initial);
      await executable.run({ x: y! });
      expect(await numbers(y)).toEqual([16, -16]);
      y!.dispose();
      expect(await numbers((await executable.readState())['last'])).toEqual([16, -16]);
      await twice.dispose();
      await executable.dispose();
    });
  });

  describe('programs', () => {
    it('read their results as arrays of their dtype and shape', async () => {
      const built = program('dtypes', { inputs: { x: [1, 2] } }, ({ x }) => ({
        outputs: { float: x, int: x.cast('int32'), bool: x.less(2) },
      }));
      const executable = await started(built);
      const outputs = await executable.run({ x: hostTensor([1, 2], [1.5, 2.5]) });
      const floats: HostData =
        runtime().precision === 'float64' ? Float64Array.of(1.5, 2.5) : Float32Array.of(1.5, 2.5);
      expect(await outputs['float']!.read()).toEqual({ shape: [1, 2], dtype: 'float32', data: floats });
      expect(await outputs['int']!.read()).toEqual({ shape: [1, 2], dtype: 'int32', data: Int32Array.of(1, 2) });
      expect(await outputs['bool']!.read()).toEqual({ shape: [1, 2], dtype: 'bool', data: Uint8Array.of(1, 0) });
      expect(outputs['int']).toMatchObject({ shape: [1, 2], dtype: 'int32' });
      await executable.dispose();
    });

    it('take int32 and bool inputs', async () => {
      const args = { labels: { shape: [3], dtype: 'int32' }, keep: { shape: [3, 1], dtype: 'bool' } } as const;
      const built = program('labels', { inputs: args }, ({ labels, keep }) => ({
        outputs: { rows: oneHot(labels, 2).mul(keep.cast('float32')) },
      }));
      const executable = await started(built);
      const { rows } = await executable.run({
        labels: hostTensor([3], Int32Array.of(1, 0, 1)),
        keep: hostTensor([3, 1], Uint8Array.of(1, 1, 0)),
      });
      expect(await numbers(rows)).toEqual([0, 1, 1, 0, 0, 0]);
      await executable.dispose();
    });

    it('may lack inputs, outputs, or any use for an input', async () => {
      const built = program('clock', { inputs: { unused: [2] }, state: { t: [] } }, (_, { t }) => ({
        outputs: {},
        state: { t: t.add(1) },
      }));
      const executable = await started(built, { t: scalar(0) });
      expect(await executable.run({ unused: vector(0, 0) })).toEqual({});
      expect(await numbers((await executable.readState())['t'])).toEqual([1]);
      await executable.dispose();

      const fixed = await started(program('fixed', { inputs: {} }, () => ({ outputs: { y: constant([1, 2]) } })));
      expect(await numbers((await fixed.run({}))['y'])).toEqual([1, 2]);
      await fixed.dispose();
    });

    it('may hold what simplification removes', async () => {
      const executable = await started(unsimplified());
      const { y, sums } = await executable.run({ x: hostTensor([1, 2], [3, -4]) });
      expect(await numbers(y)).toEqual([12, -16]);
      expect(await numbers(sums)).toEqual([6, -8]);
      await executable.dispose();
    });

    it('let a NaN through to what depends on it', async () => {
      const built = program('nan', { inputs: { x: [4] } }, ({ x }) => ({
        outputs: { mean: x.mean(), product: x.mul(2).add(1), untouched: x.slice([0], [1]) },
      }));
      const executable = await started(built);
      const outputs = await executable.run({ x: vector(1, NaN, 2, 3) });
      expect(await numbers(outputs['mean'])).toEqual([NaN]);
      expect(await numbers(outputs['product'])).toEqual([3, NaN, 5, 7]);
      expect(await numbers(outputs['untouched'])).toEqual([1]);
      await executable.dispose();
    });
  });

  describe('refuses', () => {
    const refused: readonly (readonly [string, Feeds, string])[] = [
      ['a missing input', {}, 'x'],
      ['an unknown input', { x: vector(1, 2), z: vector(1) }, 'z'],
      ['a wrong shape', { x: vector(1, 2, 3) }, 'x'],
      ['a wrong rank', { x: hostTensor([1, 2], [1, 2]) }, 'x'],
      ['a wrong dtype', { x: hostTensor([2], Int32Array.of(1, 2)) }, 'x'],
      ['a state as an input', { x: vector(1, 2), total: vector(1, 2) }, 'total'],
      ['an array too short', { x: { shape: [2], dtype: 'float32', data: new Float32Array(1) } }, 'x'],
      ['an array of another type', { x: { shape: [2], dtype: 'float32', data: new Int32Array(2) } }, 'x'],
    ];

    it.each(refused)('%s', async (_, feeds, tensor) => {
      const executable = await started(accumulator, initial);
      await expect(executable.run(feeds)).rejects.toThrow(FeedError);
      await expect(executable.run(feeds)).rejects.toMatchObject({ program: 'accumulator', tensor });
      await executable.dispose();
    });

    it('a tensor of another runtime', async () => {
      const executable = await started(accumulator, initial);
      const foreign: DeviceTensor = {
        shape: [2],
        dtype: 'float32',
        read: () => Promise.resolve(vector(1, 2)),
        dispose: () => undefined,
      };
      await expect(executable.run({ x: foreign })).rejects.toThrow(FeedError);
      await executable.dispose();
    });

    it('a run before every state was written, naming the state', async () => {
      const executable = await started(accumulator, { total: vector(0, 0), last: vector(0, 0) });
      await expect(executable.run({ x: vector(1, 2) })).rejects.toMatchObject({ tensor: 'fixed' });
      await expect(executable.readState()).rejects.toThrow(FeedError);
      expect(await numbers((await executable.readState(['total']))['total'])).toEqual([0, 0]);
      await executable.dispose();
    });

    it('states that are unknown or do not fit', async () => {
      const executable = await started(accumulator, initial);
      await expect(executable.writeState({ other: scalar(1) })).rejects.toMatchObject({ tensor: 'other' });
      await expect(executable.writeState({ x: vector(1, 2) })).rejects.toThrow(FeedError);
      await expect(executable.writeState({ fixed: vector(1) })).rejects.toThrow(FeedError);
      await expect(executable.writeState({ fixed: hostTensor([], Int32Array.of(1)) })).rejects.toThrow(FeedError);
      await expect(executable.readState(['other'])).rejects.toThrow(FeedError);
      await executable.dispose();
    });

    it('a disposed tensor and a disposed executable', async () => {
      const executable = await started(accumulator, initial);
      const { y } = await executable.run({ x: vector(1, 2) });
      y!.dispose();
      y!.dispose();
      await expect(y!.read()).rejects.toThrow(DisposedError);
      await expect(executable.run({ x: y! })).rejects.toThrow(DisposedError);
      await executable.dispose();
      await executable.dispose();
      await expect(executable.run({ x: vector(1, 2) })).rejects.toThrow(DisposedError);
      await expect(executable.readState()).rejects.toThrow(DisposedError);
      await expect(executable.writeState(initial)).rejects.toThrow(DisposedError);
    });
  });
}

/** `y = 4 x` by way of nodes that compute nothing, which `program` would have taken out. */
function unsimplified(): Program {
  const x = input('x', [1, 2]);
  const stopped = stopGradient(bind('identity', [x], {}));
  const still = stopped.reshape([1, 2]).transpose([0, 1]).slice([0, 0], [1, 2]).pad([0, 0], [0, 0]).broadcastTo([1, 2]);
  const same = bind('concat', [still.cast('float32').neg().neg().mul(1).add(0)], { axis: 0 });
  const doubled = same.add(same);
  const y = doubled.mul(splat(2, [1, 2]));
  const sums = doubled.sum([0], true).sum([]).max([0]);
  const outputs: Readonly<Record<string, Tensor>> = { y, sums };
  return {
    name: 'unsimplified',
    inputs: { x: { shape: [1, 2], dtype: 'float32' } },
    state: {},
    outputs,
    updates: {},
    nodes: reachable([y, sums]),
  };
}
