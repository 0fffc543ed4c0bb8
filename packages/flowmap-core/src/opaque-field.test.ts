import { DTypeError, hostTensor, program, ShapeError, type HostTensor, type HostTensors } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, expect, test } from 'vitest';
import { gaussianVelocity } from './closed-forms.js';
import { ConfigError } from './errors.js';
import { opaqueField, type OpaqueMapping } from './opaque-field.js';

const x = hostTensor([3, 2], Float64Array.of(0.4, -1, 0.7, 2, -0.3, 0.1));
const t = hostTensor([3], Float64Array.of(0.9, 0.6, 0.25));
const label = hostTensor([3], [2, 0, 1], 'int32');
const field = gaussianVelocity({ mean: 0.3, std: 0.5 });

/** The velocities of a Gaussian from a separate program with its own names and times that run to 1000. */
async function service(answer: (v: number, x: number, t: number) => number = (v) => v) {
  const built = program('service', { inputs: { x: [3, 2], t: [3] } }, (inputs) => ({
    outputs: { v: field.velocity({}, inputs) },
  }));
  const executable = await referenceRuntime().compile(built);
  const asked: HostTensors[] = [];
  const call = async (inputs: HostTensors): Promise<HostTensors> => {
    asked.push(inputs);
    const { sample, timestep } = inputs as Record<'sample' | 'timestep', HostTensor>;
    const ours = timestep.data.map((value) => value / 1000);
    const { v } = await executable.run({ x: sample, t: hostTensor([3], ours) });
    const { shape, data } = await v!.read();
    const out = data.map((value, i) => answer(value, sample.data[i]!, ours[i >> 1]!));
    return { out: hostTensor(shape, out), extra: hostTensor([1], [0]) };
  };
  return { call, asked };
}

const names: OpaqueMapping = { x: 'sample', t: 'timestep', velocity: 'out', time: (t) => 1000 * t };

/** The velocities of the field itself. */
async function exact(): Promise<HostTensor['data']> {
  const { data } = await evaluate(referenceRuntime(), (x, t) => field.velocity({}, { x: x, t: t }), [x, t]);
  return data;
}

describe('an opaque field', () => {
  test('is the function with our names, and with its own time', async () => {
    const { call, asked } = await service();
    const opaque = opaqueField(call, { ...names, conditions: { label: 'class_labels' } });
    const { shape, data } = await opaque.evaluate(x, t, { label, guidance: t });
    expect(shape).toEqual([3, 2]);
    const wanted = await exact();
    data.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 14));
    expect(Object.keys(asked[0]!).sort()).toEqual(['class_labels', 'sample', 'timestep']);
    expect(asked[0]!['class_labels']).toBe(label);
    expect(Array.from(asked[0]!['timestep']!.data)).toEqual([900, 600, 250]);
  });

  test.each<[string, (v: number, x: number, t: number) => number, NonNullable<OpaqueMapping['toVelocity']>]>([
    ['from noise to data', (v) => -v, (output) => -output],
    ['as a prediction of the data, x - t v', (v, x, t) => x - t * v, (x0, x, t) => (x - x0) / t],
    ['as a prediction of the noise, x + (1 - t) v', (v, x, t) => x + (1 - t) * v, (z, x, t) => (z - x) / (1 - t)],
  ])('takes a velocity %s', async (_, answer, toVelocity) => {
    const { call } = await service(answer);
    const { data } = await opaqueField(call, { ...names, toVelocity }).evaluate(x, t, {});
    const wanted = await exact();
    data.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 12));
  });

  test("takes EDM's denoiser, which has its own points and times", async () => {
    // D(y; sigma) = m + c² / (c² + sigma²) (y - m)
    const asked: HostTensors[] = [];
    const denoise = (inputs: HostTensors): Promise<HostTensors> => {
      asked.push(inputs);
      const { y, sigma } = inputs as Record<'y' | 'sigma', HostTensor>;
      const out = y.data.map((value, i) => 0.3 + (0.25 / (0.25 + sigma.data[i >> 1]! ** 2)) * (value - 0.3));
      return Promise.resolve({ denoised: hostTensor([3, 2], out) });
    };
    const { data } = await opaqueField(denoise, {
      x: 'y',
      t: 'sigma',
      velocity: 'denoised',
      scale: (t) => 1 / (1 - t),
      time: (t) => t / (1 - t),
      toVelocity: (D, x, t) => (x - D) / t,
    }).evaluate(x, t, {});
    const wanted = await exact();
    data.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 12));
    expect(asked[0]!['y']!.data[5]).toBeCloseTo(0.1 / 0.75, 14);
  });

  test('refuses a missing condition, and an answer that is not a velocity', async () => {
    const { call } = await service();
    const ask = (given: HostTensors, mapping: Partial<OpaqueMapping>, f = call) =>
      opaqueField(f, { ...names, ...mapping }).evaluate(x, t, given);
    const lacking = ask({ guidance: t }, { conditions: { label: 'class_labels' } });
    await expect(lacking).rejects.toThrow(ConfigError);
    await expect(lacking).rejects.toThrow(
      "conditions.label: the field needs it as its 'class_labels', got the conditions guidance",
    );
    const nameless = ask({}, { velocity: 'v' });
    await expect(nameless).rejects.toThrow(ConfigError);
    await expect(nameless).rejects.toThrow("the function's answer has no 'v', it has out, extra");
    await expect(ask({}, { velocity: 'extra' })).rejects.toThrow(ShapeError);
    const whole = () => Promise.resolve({ out: hostTensor([3, 2], new Int32Array(6)) });
    await expect(ask({}, {}, whole)).rejects.toThrow(DTypeError);
    await expect(ask({}, {}, () => Promise.reject(new Error('the service is down')))).rejects.toThrow('is down');
  });

  test('refuses one name for two inputs', async () => {
    const { call } = await service();
    expect(() => opaqueField(call, { ...names, t: 'sample' })).toThrow(/two inputs are called 'sample'/);
  });
});
