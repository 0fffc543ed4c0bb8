import { describe, expect, it } from 'vitest';
import { DisposedError, FeedError } from '../../errors.js';
import { program } from '../../program/program.js';
import { numbers, scalar, started, vector, type GetRuntime } from './common.js';

const adding = program('adding', { inputs: { x: [] }, state: { n: [] } }, ({ x }, { n }) => ({
  outputs: { before: n },
  state: { n: n.add(x) },
}));
const doubling = program('doubling', { inputs: {}, state: { n: [] } }, (_, { n }) => ({
  outputs: { before: n },
  state: { n: n.mul(2) },
}));

/** Calls that are made before earlier ones have settled. */
export function describeOverlap(runtime: GetRuntime): void {
  describe('calls that overlap', () => {
    it('lose no update', async () => {
      const add = await started(runtime, adding, { n: scalar(0) });
      const runs = await Promise.all([1, 2, 3, 4].map((x) => add.run({ x: scalar(x) })));
      expect(await Promise.all(runs.map(({ before }) => numbers(before)))).toEqual([[0], [1], [3], [6]]);
      expect(await numbers((await add.readState())['n'])).toEqual([10]);
      await add.dispose();
    });

    it('take effect in the order in which they were made: writing, running and reading', async () => {
      const add = await runtime().compile(adding);
      const [, first, , , second] = await Promise.all([
        add.writeState({ n: scalar(1) }),
        add.run({ x: scalar(2) }),
        add.run({ x: scalar(4) }),
        add.writeState({ n: scalar(100) }),
        add.run({ x: scalar(1) }),
      ]);
      expect([await numbers(first['before']), await numbers(second['before'])]).toEqual([[1], [100]]);
      const states = [add.readState(), add.run({ x: scalar(8) }), add.readState(), add.writeState({ n: scalar(0) })];
      const [before, , after] = (await Promise.all(states)) as Awaited<ReturnType<typeof add.readState>>[];
      expect([await numbers(before!['n']), await numbers(after!['n'])]).toEqual([[101], [109]]);
      await add.dispose();
    });

    it('do so on executables that share states', async () => {
      const add = await started(runtime, adding, { n: scalar(1) });
      const double = await runtime().compile(doubling, { sharing: add });
      const again = await runtime().compile(adding, { sharing: double });
      const runs = await Promise.all([
        add.run({ x: scalar(2) }),
        double.run({}),
        again.run({ x: scalar(1) }),
        double.run({}),
        add.run({ x: scalar(1) }),
      ]);
      expect(await Promise.all(runs.map(({ before }) => numbers(before)))).toEqual([[1], [3], [6], [7], [14]]);
      const [read] = await Promise.all([again.readState(), add.writeState({ n: scalar(5) }), double.run({})]);
      expect(await numbers(read['n'])).toEqual([15]);
      expect(await numbers((await again.readState())['n'])).toEqual([10]);
      for (const executable of [add, double, again]) await executable.dispose();
    });

    it('go on after one that is refused', async () => {
      const add = await runtime().compile(adding);
      const results = await Promise.allSettled([
        add.run({ x: scalar(1) }),
        add.readState(),
        add.writeState({ n: scalar(1) }),
        add.run({ x: vector(1, 2) }),
        add.run({ x: scalar(1) }),
      ]);
      expect(results.map(({ status }) => status)).toEqual([
        'rejected',
        'rejected',
        'fulfilled',
        'rejected',
        'fulfilled',
      ]);
      const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
      for (const reason of reasons) expect(reason).toBeInstanceOf(FeedError);
      expect(await numbers((await add.readState())['n'])).toEqual([2]);
      await add.dispose();
    });

    it('are done before their executable is disposed of, and refused after', async () => {
      const add = await started(runtime, adding, { n: scalar(1) });
      const double = await runtime().compile(doubling, { sharing: add });
      const calls = [add.run({ x: scalar(1) }), double.run({}), add.run({ x: scalar(1) })];
      const disposing = [add.dispose(), add.dispose()];
      const refused = [add.run({ x: scalar(1) }), add.readState(), add.writeState({ n: scalar(0) })];
      const last = double.run({});
      for (const call of refused) await expect(call).rejects.toThrow(DisposedError);
      const befores = (await Promise.all([...calls, last])).map(({ before }) => numbers(before));
      expect(await Promise.all(befores)).toEqual([[1], [2], [4], [5]]);
      await Promise.all(disposing);
      const [read] = await Promise.all([double.readState(), double.dispose()]);
      expect(await numbers(read['n'])).toEqual([10]);
    });
  });
}
