import { describe, expect, it } from 'vitest';
import { DisposedError, FeedError, SharingError } from '../../errors.js';
import { hostTensor } from '../../runtime/host-tensor.js';
import { program } from '../../program/program.js';
import { accumulator, initial, numbers, scalar, started, vector, type GetRuntime } from './common.js';

/** Shares `total` and `fixed` of {@link accumulator}, and counts its runs. */
const doubling = program(
  'doubling',
  { inputs: {}, state: { total: [2], fixed: [], runs: [] } },
  (_, { total, fixed, runs }) => ({
    outputs: { before: total, scaled: total.mul(fixed) },
    state: { total: total.add(total), runs: runs.add(1) },
  }),
);
/** Only reads `total`. */
const watching = program('watching', { inputs: {}, state: { total: [2] } }, (_, { total }) => ({
  outputs: { sum: total.sum() },
}));

/** How programs share states. */
export function describeSharing(runtime: GetRuntime, other: GetRuntime): void {
  describe('shared state', () => {
    it('is one: what a program leaves the other finds', async () => {
      const add = await started(runtime, accumulator, initial);
      const double = await runtime().compile(doubling, { sharing: add });
      await double.writeState({ runs: scalar(0) });
      // Each adds (1, 2) and doubles: (0, 1), (2, 6), (6, 16), (14, 36).
      for (const total of [
        [1, 3],
        [3, 8],
        [7, 18],
      ]) {
        const doubled = total.map((value) => 2 * value);
        expect(await numbers((await add.run({ x: vector(1, 2) }))['total'])).toEqual(total);
        const outputs = await double.run({});
        expect(await numbers(outputs['before'])).toEqual(total);
        expect(await numbers(outputs['scaled'])).toEqual(total.map((value) => 10 * value));
        expect(await numbers((await add.readState())['total'])).toEqual(doubled);
        expect(await numbers((await double.readState())['total'])).toEqual(doubled);
      }
      expect(Object.keys(await add.readState()).sort()).toEqual(['fixed', 'last', 'total']);
      expect(await numbers((await double.readState(['runs']))['runs'])).toEqual([3]);
      await add.dispose();
      await double.dispose();
    });

    it('can be written through either, and is unwritten for both until then', async () => {
      const add = await runtime().compile(accumulator);
      const double = await runtime().compile(doubling, { sharing: add });
      await double.writeState({ total: vector(1, 2), runs: scalar(0) });
      await expect(double.run({})).rejects.toMatchObject({ program: 'doubling', tensor: 'fixed' });
      await expect(double.writeState({ last: vector(0, 0) })).rejects.toThrow(FeedError);
      await add.writeState({ fixed: scalar(3), last: vector(0, 0) });
      expect(await numbers((await double.run({}))['scaled'])).toEqual([3, 6]);
      await add.writeState({ total: vector(5, 5) });
      expect(await numbers((await double.run({}))['before'])).toEqual([5, 5]);
      await add.dispose();
      await double.dispose();
    });

    it('stays when the program that it came from is disposed of first', async () => {
      const add = await started(runtime, accumulator, initial);
      const double = await runtime().compile(doubling, { sharing: add });
      await double.writeState({ runs: scalar(0) });
      const { total } = await add.run({ x: vector(1, 1) });
      await add.dispose();
      expect(await numbers((await double.readState())['total'])).toEqual([1, 2]);
      expect(await numbers((await double.run({}))['scaled'])).toEqual([10, 20]);
      expect(await numbers((await double.run({}))['before'])).toEqual([2, 4]);
      await double.writeState({ total: vector(7, 7) });
      expect(await numbers((await double.run({}))['before'])).toEqual([7, 7]);
      expect(await numbers(total)).toEqual([1, 2]);
      await double.dispose();
      await expect(double.readState()).rejects.toThrow(DisposedError);
    });

    it('stays when the program that took part in it is disposed of first', async () => {
      const add = await started(runtime, accumulator, initial);
      const double = await runtime().compile(doubling, { sharing: add });
      await double.writeState({ runs: scalar(0) });
      await add.run({ x: vector(1, 1) });
      const { before } = await double.run({});
      await double.dispose();
      expect(await numbers((await add.readState())['total'])).toEqual([2, 4]);
      expect(await numbers((await add.run({ x: vector(1, 1) }))['y'])).toEqual([20, 40]);
      expect(await numbers((await add.run({ x: vector(1, 1) }))['total'])).toEqual([4, 6]);
      expect(await numbers(before)).toEqual([1, 2]);
      await add.dispose();
      await expect(add.readState()).rejects.toThrow(DisposedError);
    });

    it('reaches from program to program', async () => {
      const add = await started(runtime, accumulator, initial);
      const double = await runtime().compile(doubling, { sharing: add });
      const watch = await runtime().compile(watching, { sharing: double });
      await double.writeState({ runs: scalar(0) });
      await add.run({ x: vector(1, 1) });
      expect(await numbers((await watch.run({}))['sum'])).toEqual([3]);
      await double.run({});
      await double.dispose();
      expect(await numbers((await watch.run({}))['sum'])).toEqual([6]);
      await add.run({ x: vector(1, 1) });
      await add.dispose();
      expect(await numbers((await watch.run({}))['sum'])).toEqual([8]);
      // In the meantime no program had `fixed` and `runs`.
      const again = await runtime().compile(doubling, { sharing: watch });
      await expect(again.run({})).rejects.toMatchObject({ tensor: 'fixed' });
      await again.writeState({ fixed: scalar(2), runs: scalar(0) });
      expect(await numbers((await again.run({}))['scaled'])).toEqual([6, 10]);
      expect(await numbers((await watch.run({}))['sum'])).toEqual([16]);
      await watch.dispose();
      await again.dispose();
    });

    it('leaves inputs alone, also those of equal names', async () => {
      const add = await started(runtime, accumulator, initial);
      const take = program('take', { inputs: { total: [3] }, state: { fixed: [] } }, ({ total }, { fixed }) => ({
        outputs: { y: total.mul(fixed) },
        state: { fixed: fixed.add(1) },
      }));
      const taken = await runtime().compile(take, { sharing: add });
      expect(await numbers((await taken.run({ total: vector(1, 2, 3) }))['y'])).toEqual([10, 20, 30]);
      expect(await numbers((await add.run({ x: vector(1, 1) }))['y'])).toEqual([0, 11]);
      await add.dispose();
      await taken.dispose();
    });

    it('takes several steps in a run', async () => {
      const add = await started(runtime, accumulator, initial);
      const three = await runtime().compile(accumulator, { sharing: add, stepsPerRun: 3 });
      await three.run({ x: hostTensor([3, 2], [1, 1, 2, 2, 3, 3]) });
      expect(await numbers((await add.run({ x: vector(1, 1) }))['y'])).toEqual([60, 70]);
      const { total } = await three.run({ x: hostTensor([3, 2], [1, 1, 0, 0, 1, 1]) });
      expect(await numbers(total)).toEqual([8, 9, 8, 9, 9, 10]);
      await three.dispose();
      expect(await numbers((await add.readState())['total'])).toEqual([9, 10]);
      await add.dispose();
    });

    it('may be that of an executable which is disposed of while the other is compiled', async () => {
      const add = await started(runtime, accumulator, initial);
      const compiling = runtime().compile(watching, { sharing: add });
      await add.dispose();
      const watch = await compiling;
      expect(await numbers((await watch.run({}))['sum'])).toEqual([1]);
      await watch.dispose();
    });

    it('is refused where it differs in shape or dtype, also through others', async () => {
      const add = await started(runtime, accumulator, initial);
      const double = await runtime().compile(doubling, { sharing: add });
      const differing = (state: Parameters<typeof program>[1]['state']) =>
        program<string, string>('differing', { inputs: {}, state: state! }, (_, states) => ({ outputs: states }));
      for (const [state, spec, sharing] of [
        ['total', { shape: [3], dtype: 'float32' }, add],
        ['fixed', { shape: [], dtype: 'int32' }, add],
        ['last', { shape: [2, 1], dtype: 'float32' }, double],
        ['runs', { shape: [1], dtype: 'float32' }, add],
      ] as const) {
        const compiled = runtime().compile(differing({ [state]: spec }), { sharing });
        await expect(compiled).rejects.toThrow(SharingError);
        await expect(compiled).rejects.toMatchObject({ program: 'differing', state });
        await expect(compiled).rejects.toThrow(/state '\w+': wanted float32 \[.*\].*, got \w+ \[.*\]/);
      }
      expect(await numbers((await add.run({ x: vector(1, 1) }))['y'])).toEqual([0, 10]);
      await add.dispose();
      await double.dispose();
    });

    it('is refused with an executable that was disposed, or is of another runtime', async () => {
      const add = await started(runtime, accumulator, initial);
      const disposing = add.dispose();
      await expect(runtime().compile(doubling, { sharing: add })).rejects.toThrow(DisposedError);
      await disposing;
      await expect(runtime().compile(doubling, { sharing: add })).rejects.toMatchObject({
        label: "program 'accumulator'",
      });
      const foreign = await other().compile(accumulator);
      const compiled = runtime().compile(doubling, { sharing: foreign });
      await expect(compiled).rejects.toThrow(SharingError);
      await expect(compiled).rejects.toMatchObject({ program: 'doubling', state: undefined });
      await expect(compiled).rejects.toThrow(/'accumulator' was compiled by another runtime/);
      await foreign.dispose();
    });
  });
}
