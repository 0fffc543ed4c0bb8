import { describe, expect, it } from 'vitest';
import { FeedError, UnsupportedDTypeError } from '../../errors.js';
import type { HalfDType } from '../../graph/dtype.js';
import { roundTo } from '../../graph/half.js';
import { hostTensor } from '../../runtime/host-tensor.js';
import { program, type Program } from '../../program/program.js';
import { numbers, started, vector, type GetRuntime } from './common.js';

const halves: readonly HalfDType[] = ['float16', 'bfloat16'];

/** Takes, keeps and returns a half and a float32. */
function mixed(half: HalfDType): Program {
  const spec = { shape: [3], dtype: half } as const;
  return program('mixed', { inputs: { x: spec }, state: { total: spec } }, ({ x }, { total }) => ({
    outputs: { x, twice: x.add(x), wide: x.cast('float32').mul(3), before: total },
    state: { total: total.add(x) },
  }));
}

/** How an executable takes, keeps and returns two-byte tensors, or that its runtime refuses them. */
export function describeHalves(runtime: GetRuntime): void {
  describe.each(halves)('%s', (half) => {
    const has = (): boolean => runtime().dtypes.includes(half);
    const third = roundTo(1 / 3, half);

    it('is numbers on the host, rounded on the way in, or refused', async () => {
      if (!has()) return expectRefusal(mixed(half), "input 'x'");
      const executable = await started(runtime, mixed(half), { total: hostTensor([3], [0, 1, 2], half) });
      const fed = { shape: [3], dtype: half, data: Float64Array.of(1 / 3, -0.5, 1e-50) };
      const outputs = await executable.run({ x: fed });
      const x = { shape: [3], dtype: half, data: Float32Array.of(third, -0.5, 0) };
      expect(await outputs['x']!.read()).toEqual(x);
      expect(await outputs['twice']!.read()).toEqual({ ...x, data: x.data.map((value) => 2 * value) });
      expect(await outputs['before']!.read()).toEqual({ ...x, data: Float32Array.of(0, 1, 2) });
      // Three times a half has one or two more bits, all of which float32 keeps.
      expect(await numbers(outputs['wide'])).toEqual([3 * third, -1.5, 0]);
      const { total } = await executable.readState();
      expect(total).toEqual({ ...x, data: Float32Array.of(third, 0.5, 2) });

      const again = await executable.run({ x: outputs['twice']! });
      expect(await numbers(again['twice'])).toEqual([4 * third, -2, 0]);
      expect(await numbers(again['before'])).toEqual([third, 0.5, 2]);
      await executable.writeState({ total: { shape: [3], dtype: half, data: Float32Array.of(1 / 3, 0, 0) } });
      expect(await numbers((await executable.readState())['total'])).toEqual([third, 0, 0]);
      await executable.dispose();
    });

    it('is no float32, or refused', async () => {
      if (!has()) return expectRefusal(mixed(half), "input 'x'");
      const executable = await started(runtime, mixed(half), { total: hostTensor([3], [0, 0, 0], half) });
      await expect(executable.run({ x: vector(1, 2, 3) })).rejects.toThrow(FeedError);
      await expect(executable.writeState({ total: vector(1, 2, 3) })).rejects.toThrow(FeedError);
      const { wide } = await executable.run({ x: hostTensor([3], [1, 2, 3], half) });
      await expect(executable.run({ x: wide! })).rejects.toThrow(FeedError);
      await executable.dispose();
    });

    it('may be that of a state or of an intermediate result alone, or is refused there', async () => {
      const inside = program('inside', { inputs: { x: [2] } }, ({ x }) => ({
        outputs: { y: x.cast(half).mul(3).cast('float32') },
      }));
      const kept = program('kept', { inputs: {}, state: { w: { shape: [2], dtype: half } } }, (_, { w }) => ({
        outputs: { y: w.cast('float32') },
      }));
      if (!has()) {
        await expectRefusal(inside, 'a result of cast');
        return expectRefusal(kept, "state 'w'");
      }
      const [one, two] = [
        await started(runtime, inside),
        await started(runtime, kept, { w: hostTensor([2], [1, 2], half) }),
      ];
      const { y } = await one.run({ x: vector(1 / 3, 2) });
      expect(await numbers(y)).toEqual([roundTo(3 * third, half), 6]);
      expect(await numbers((await two.run({}))['y'])).toEqual([1, 2]);
      await one.dispose();
      await two.dispose();
    });

    async function expectRefusal(refused: Program, tensor: string): Promise<void> {
      const { name, dtypes: supported } = runtime();
      const compiled = runtime().compile(refused);
      await expect(compiled).rejects.toThrow(UnsupportedDTypeError);
      await expect(compiled).rejects.toMatchObject({
        runtime: name,
        program: refused.name,
        dtype: half,
        tensor,
        supported,
      });
      await expect(compiled).rejects.toThrow(/cast to float32 in the program, or use another runtime/);
    }
  });
}
