import { describe, expect, it } from 'vitest';
import { ConfigError, DisposedError, FeedError } from '../../errors.js';
import { hostTensor, stackHostTensors, type HostTensor, type HostTensors } from '../../runtime/host-tensor.js';
import { program } from '../../program/program.js';
import type { Executable } from '../../runtime/runtime.js';
import { gradients } from '../../autodiff/vjp.js';
import { mismatch, tolerances } from '../compare.js';
import { normal } from '../samples.js';
import { accumulator, initial, numbers, scalar, vector, type GetRuntime } from './common.js';

/** Gradient descent with momentum: inputs and outputs of several ranks, a state that it only reads. */
const descent = program(
  'descent',
  { inputs: { x: [8, 3], rate: [] }, state: { w: [3, 2], v: [3, 2], target: [8, 2] } },
  ({ x, rate }, { w, v, target }) => {
    const prediction = x.matmul(w).tanh();
    const loss = prediction.sub(target).square().mean();
    const momentum = v.mul(0.9).add(gradients(loss, { w }).w);
    return { outputs: { loss, prediction }, state: { v: momentum, w: w.sub(momentum.mul(rate)) } };
  },
);
const start: HostTensors = {
  w: normal([3, 2]).draw(1),
  v: hostTensor([3, 2], new Float32Array(6)),
  target: normal([8, 2]).draw(2),
};

/** Several steps in one run. */
export function describeSteps(runtime: GetRuntime): void {
  describe('several steps per run', () => {
    const inSteps = async (stepsPerRun: number): Promise<Executable> => {
      const executable = await runtime().compile(accumulator, { stepsPerRun });
      await executable.writeState(initial);
      return executable;
    };
    const rows = (...values: number[][]): HostTensor => hostTensor([values.length, values[0]!.length], values.flat());

    it('move the state on as often, and stack what every step gives', async () => {
      const executable = await inSteps(3);
      expect(executable.program.inputs['x']).toEqual({ shape: [3, 2], dtype: 'float32' });
      const first = await executable.run({ x: rows([1, 1], [2, 2], [3, 3]) });
      expect(first['y']!.shape).toEqual([3, 2]);
      expect(await numbers(first['y'])).toEqual([0, 10, 10, 20, 30, 40]);
      expect(await numbers(first['total'])).toEqual([1, 2, 3, 4, 6, 7]);
      const second = await executable.run({ x: rows([0, 0], [1, 0], [0, 1]) });
      expect(await numbers(second['total'])).toEqual([6, 7, 7, 7, 7, 8]);
      const state = await executable.readState();
      expect(await numbers(state['total'])).toEqual([7, 8]);
      expect(await numbers(state['last'])).toEqual([0, 1]);
      expect(await numbers(state['fixed'])).toEqual([10]);
      await executable.dispose();
      expect(await numbers(first['total'])).toEqual([1, 2, 3, 4, 6, 7]);
      await expect(executable.run({ x: rows([1, 1], [2, 2], [3, 3]) })).rejects.toThrow(DisposedError);
    });

    it('give what as many runs give', async () => {
      const steps = 5;
      const inputs = Array.from({ length: steps }, (_, i): HostTensors => ({
        x: normal([8, 3]).draw(10 + i),
        rate: scalar(0.5 / (i + 1)),
      }));
      const single = await runtime().compile(descent);
      const several = await runtime().compile(descent, { stepsPerRun: steps });
      await single.writeState(start);
      await several.writeState(start);
      const outputs: HostTensors[] = [];
      for (const feeds of inputs) outputs.push(await values(await single.run(feeds)));
      const stacked = await values(
        await several.run({
          x: stackHostTensors(inputs.map(({ x }) => x!)),
          rate: stackHostTensors(inputs.map(({ rate }) => rate!)),
        }),
      );
      // The same operations, but a runtime may fuse them differently when it sees several steps at once.
      const accepted = tolerances[runtime().precision][1];
      for (const name of ['loss', 'prediction']) {
        const wanted = stackHostTensors(outputs.map((output) => output[name]!));
        expect(mismatch(stacked[name]!, wanted, accepted)).toBeUndefined();
      }
      const [wanted, got] = [await single.readState(), await several.readState()];
      for (const name of ['w', 'v', 'target']) {
        expect(mismatch(got[name]!, wanted[name]!, accepted)).toBeUndefined();
      }
      await single.dispose();
      await several.dispose();
    });

    it('take int32 and bool, and programs without inputs', async () => {
      const built = program(
        'counter',
        { inputs: {}, state: { step: { shape: [], dtype: 'int32' } } },
        (_, { step }) => ({ outputs: { step, even: step.equal(6) }, state: { step: step.add(2) } }),
      );
      const executable = await runtime().compile(built, { stepsPerRun: 3 });
      await executable.writeState({ step: hostTensor([], Int32Array.of(4)) });
      const { step, even } = await executable.run({});
      expect(await step!.read()).toEqual(hostTensor([3], Int32Array.of(4, 6, 8)));
      expect(await even!.read()).toEqual(hostTensor([3], Uint8Array.of(0, 1, 0)));
      expect(await executable.readState()).toEqual({ step: hostTensor([], Int32Array.of(10)) });
      await executable.dispose();
    });

    it('take stacked results back', async () => {
      const executable = await inSteps(2);
      const { total } = await executable.run({ x: rows([1, 1], [2, 2]) });
      await executable.run({ x: total! });
      expect(await numbers((await executable.readState())['total'])).toEqual([3 + 1 + 3, 4 + 2 + 4]);
      await executable.dispose();
    });

    it('are refused with inputs of another number of steps', async () => {
      const executable = await inSteps(3);
      for (const x of [vector(1, 2), rows([1, 2]), rows([1, 2], [3, 4], [5, 6], [7, 8])]) {
        await expect(executable.run({ x })).rejects.toThrow(FeedError);
        await expect(executable.run({ x })).rejects.toMatchObject({ program: 'accumulator', tensor: 'x' });
      }
      expect(await numbers((await executable.readState())['total'])).toEqual([0, 1]);
      await executable.dispose();
    });

    it('are a whole number from 1, and 1 is the program as it is', async () => {
      for (const stepsPerRun of [0, -1, 1.5, NaN]) {
        await expect(runtime().compile(accumulator, { stepsPerRun })).rejects.toThrow(ConfigError);
      }
      const executable = await inSteps(1);
      expect(executable.program).toBe(accumulator);
      await executable.dispose();
    });
  });
}

async function values(outputs: Awaited<ReturnType<Executable['run']>>): Promise<HostTensors> {
  const read: Record<string, HostTensor> = {};
  for (const [name, tensor] of Object.entries(outputs)) {
    read[name] = await tensor.read();
    tensor.dispose();
  }
  return read;
}
