import { ConfigError, velocityFromDenoiser } from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, input, jvp } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { file, floats, node, value, whole } from './__fixtures__/graphs.js';
import { importOnnx } from './import-onnx.js';
import { importedPredictor } from './mapping.js';

const { FLOAT, INT64 } = DataType;

/** `sample * timestep + table[class]`, with times in the form that the file takes. */
const network = (times = value('timestep', FLOAT, ['n', 1])): ReturnType<typeof importOnnx> =>
  importOnnx(
    file({
      nodes: [
        node('Gather', ['table', 'class_labels'], ['embedded']),
        node('Cast', ['timestep'], ['time'], { to: FLOAT }),
        node('Reshape', ['time', 'column'], ['times']),
        node('Mul', ['sample', 'times'], ['scaled']),
        node('Add', ['scaled', 'embedded'], ['out']),
      ],
      inputs: [value('sample', FLOAT, ['n', 2]), times, value('class_labels', INT64, ['n'])],
      outputs: [value('out', FLOAT, ['n', 2]), value('times', FLOAT)],
      tensors: [floats('table', [2, 2], [1, 2, 3, 4]), whole('column', [-1, 1])],
    }),
  );
const mapping = { x: 'sample', t: 'timestep', conditions: { label: 'class_labels' }, output: 'out', timeScale: 10 };
const [x, t] = [hostTensor([2, 2], [1, 2, 3, 4]), hostTensor([2], [0.5, 0.25])];
const label = hostTensor([2], Int32Array.of(1, 0));

describe('an imported predictor', () => {
  it('has the names and the times of the file', async () => {
    const predictor = importedPredictor(network(), mapping);
    expect(Object.keys(predictor.parameters)).toEqual(['table']);
    const values = await evaluate(
      referenceRuntime(),
      (x, t, label) => jvp((t) => predictor.predict({}, { x, t, conditions: { label } }), [t], [t.mul(0).add(1)]),
      [x, t, label],
    );
    expect(Array.from(values[0]!.data)).toEqual([5 + 3, 10 + 4, 7.5 + 1, 10 + 2]);
    expect(Array.from(values[1]!.data)).toEqual([10, 20, 30, 40]);
  });

  it('becomes a velocity by what it predicts', async () => {
    const field = velocityFromDenoiser(importedPredictor(network(), { ...mapping, timeScale: 1 }));
    const [v] = await evaluate(
      referenceRuntime(),
      (x, t, label) => [field.velocity({}, { x, t, conditions: { label } })],
      [x, t, label],
    );
    // D(x / (1 - t); t / (1 - t)) = 2 x + (3, 4) at t = 1/2, and v = (x - D) / t
    expect(Array.from(v!.data.subarray(0, 2))).toEqual([(1 - 5) / 0.5, (2 - 8) / 0.5]);
  });

  it('rounds times only where it is told to', async () => {
    const whole = network(value('timestep', INT64, ['n']));
    expect(() => importedPredictor(whole, mapping)).toThrow(/takes whole numbers; export the model with floats/);
    const predictor = importedPredictor(whole, { ...mapping, wholeTimes: true });
    const [v] = await evaluate(
      referenceRuntime(),
      (x, t, label) => [predictor.predict({}, { x, t, conditions: { label } })],
      [x, t, label],
    );
    expect(Array.from(v!.data)).toEqual([8, 14, 2 * 3 + 1, 2 * 4 + 2]); // 2.5 rounds to 2
  });

  it.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
    [
      'another name',
      { x: 'image' },
      /\.x: the file has no input "image" \(tried .*"x":"image".*the file takes sample float32 \[n, 2\]/,
    ],
    ['an input that is not mapped', { conditions: {} }, /nothing is mapped to the input 'class_labels' \(tried/],
    ['one input for two', { t: 'sample' }, /the input 'sample' is mapped twice/],
    ['an output that is not there', { output: 'velocity' }, /no output "velocity"; there are: out, times/],
    ['no output of several', { output: undefined }, /more than one output; there are: out, times/],
    ['no scale', { timeScale: 0 }, /timeScale: wanted a number > 0, got 0/],
    ['an unknown option', { scale: 2 }, /scale: is no option/],
  ])('refuses %s', (_, change, message) => {
    const make = (): unknown => importedPredictor(network(), { ...mapping, ...change });
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
  });

  it('refuses one time for all samples, other shapes, and missing conditions', () => {
    expect(() => importedPredictor(network(value('timestep', FLOAT, [])), mapping)).toThrow(
      /is one number for all samples/,
    );
    expect(() => importedPredictor(network(value('timestep', FLOAT, ['n', 4])), mapping)).toThrow(
      /not one number for each/,
    );
    const predictor = importedPredictor(network(), mapping);
    const [points, times] = [input('x', [2, 2]), input('t', [2])];
    expect(() => predictor.predict({}, { x: points, t: times })).toThrow(
      /needs it as its 'class_labels', got the conditions none/,
    );
    const wide = { x: input('x', [2, 3]), t: times, conditions: { label: input('label', [2], 'int32') } };
    expect(() => predictor.predict({}, wide)).toThrow(ConfigError);
    expect(() => predictor.predict({}, wide)).toThrow(
      /input 'sample' \(float32 \[n, 2\]\) got float32 \[2, 3\] \(tried .*"t":"timestep".*; the file takes sample float32/,
    );
    const ofTimes = importedPredictor(network(), { ...mapping, output: 'times' });
    const given = { x: points, t: times, conditions: { label: input('label', [2], 'int32') } };
    expect(() => ofTimes.predict({}, given)).toThrow(/its output 'times' is \[2, 1\], wanted \[2, 2\].*\(tried/);
  });
});
