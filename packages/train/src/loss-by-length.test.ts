import {
  ConfigError,
  defineNetwork,
  gaussianVelocity,
  lengthBins,
  mlp,
  perSample,
  type Model,
  type Objective,
  type OpaqueField,
  type VelocityField,
} from '@flowmap/core';
import { ayfEmd, ayfLmd, flowMatching, logitNormalLengths } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { full, hostTensor, normals, type HostTensors, type Tensor } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { lossByLength, type LossByLengthOptions, type LossOfLength } from './loss-by-length.js';

const COUNT = 64;
const runtime = referenceRuntime();
const data = { x: new Float32Array(normals({ seed: 1, purpose: 'data' }, 2 * COUNT)), conditions: {} };
const progress = { step: 99, iterations: 100 };
const R = 0.99;

function flowMapOf(apply: (x: Tensor, t: Tensor, s: Tensor) => Tensor): Model {
  const config = { type: 'known', shape: [2], interval: true };
  const network = defineNetwork(config, {}, (_, { x, t, s = t }) => apply(x, t, s));
  return { kind: 'flowMap', network, params: {}, classes: [] };
}

const steady = (velocity: number): VelocityField => ({
  parameters: {},
  velocity: (_, { x }) => full(velocity, x.shape),
});
const measure = (
  options: Partial<LossByLengthOptions> & Pick<LossByLengthOptions, 'student'>,
): Promise<LossOfLength[]> =>
  lossByLength({ runtime, objective: ayfEmd(), teacher: steady(1), data, progress, ...options });
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

describe('AYF-EMD', () => {
  test('of a constant average velocity: the tangent is F - v at every length', async () => {
    const rows = await measure({ student: flowMapOf((x) => full(4, x.shape)) });
    expect(rows.map(({ from, to }) => ({ from, to }))).toEqual(lengthBins());
    const norm = 3 * Math.SQRT2;
    for (const { loss, metrics } of rows) {
      expect(metrics['tangentNorm']).toBeCloseTo(norm, 12);
      expect(loss).toBeCloseTo((norm / (norm + 0.1)) ** 2, 12);
    }
  });

  test('of one that changes with the length: the tangent grows with it', async () => {
    // F = 1 + 2 (t - s): g = F - v + r (t - s) dF/dt = 2 (1 + r) (t - s)
    const student = flowMapOf((x, t, s) => perSample(t.sub(s).mul(2).add(1), x).broadcastTo(x.shape));
    const width = 1e-6;
    const bins = [1 / 2, 1 / 4, 1 / 64].map((to) => ({ from: to * (1 - width), to }));
    for (const { to, metrics } of await measure({ student, bins })) {
      // Times are float32, whose rounding error of 2^-25 is 4e-6 of the shortest length; the bin is 1e-6 of it
      // wide.
      expect(metrics['tangentNorm']! / (2 * (1 + R) * to * Math.SQRT2)).toBeCloseTo(1, 5);
    }
  });

  test('shares sum to 1, and follow what is drawn where the tangent is the same everywhere', async () => {
    const student = flowMapOf((x) => full(4, x.shape));
    for (const objective of [ayfEmd(), ayfEmd({ preset: 'ayf-paper' }), ayfLmd()]) {
      const rows = await measure({ student, objective });
      expect(sum(rows.map(({ share }) => share))).toBeCloseTo(1, 12);
      expect(sum(rows.map(({ drawn }) => drawn))).toBe(1);
      for (const { share, drawn } of rows) expect(share).toBeCloseTo(drawn, 12);
    }
    const [, ...lengths] = await measure({ student });
    expect(lengths.at(-1)!.drawn).toBe(0.25); // the diagonal
    // Six halvings share the rest; a share of 2^14 draws has a standard deviation of 0.0026, and five of these are
    // allowed.
    for (const { drawn } of lengths.slice(0, 5)) expect(Math.abs(drawn - 0.125)).toBeLessThan(0.013);
    expect(lengths.at(-2)!.drawn).toBe(0); // shorter than 1/64
  });

  test('a larger pull on longer intervals is a larger share than is drawn', async () => {
    const student = flowMapOf((x, t, s) => perSample(t.sub(s).add(1), x).broadcastTo(x.shape));
    const rows = await measure({ student, objective: ayfEmd({ c: Infinity }) });
    expect(rows[0]!.share).toBeGreaterThan(0.5);
    // The loss is then the mean of the squared tangent, (1 + r)^2 (t - s)^2 for each of two values, with t - s in (1/2, 1].
    expect(rows[0]!.loss).toBeGreaterThan(2 * ((1 + R) / 2) ** 2);
    expect(rows[0]!.loss).toBeLessThan(2 * (1 + R) ** 2);
    expect(rows.at(-1)).toMatchObject({ from: 0, to: 0, loss: 0, share: 0 });
  });

  test('starves short intervals with the lengths of the paper', async () => {
    const student = flowMapOf((x) => full(4, x.shape));
    const objective = ayfEmd({ intervalLengths: logitNormalLengths(), diagonalShare: 0 });
    const rows = await measure({ student, objective });
    const short = rows.filter(({ to }) => to <= 1 / 8).map(({ share }) => share);
    // 12.6 % of these lengths are at most 1/8; the standard deviation over 2^14 draws is 0.26 %, and five of these are
    // allowed.
    expect(Math.abs(sum(short) - 0.126)).toBeLessThan(0.013);
  });

  test('uses the schedules of where training stands', async () => {
    const student = flowMapOf((x, t, s) => perSample(t.sub(s).mul(2).add(1), x).broadcastTo(x.shape));
    const bins = [{ from: 0.5 - 1e-6, to: 0.5 }];
    const [first] = await measure({ student, bins, progress: { step: 0, iterations: 100 } });
    const [half] = await measure({ student, bins, progress: { step: 15, iterations: 100 } });
    expect(first!.metrics['tangentNorm']).toBeCloseTo(Math.SQRT2, 5); // r = 0: F - v
    expect(half!.metrics['tangentNorm']).toBeCloseTo(1.5 * Math.SQRT2, 5); // r = 1/2
  });
});

describe('any student and teacher', () => {
  const { std } = { std: 0.5 };
  const field = gaussianVelocity({ std });
  const label = Int32Array.from({ length: COUNT }, (_, i) => i % 3);
  const labelled = { x: data.x, conditions: { label } };
  const network = mlp({ shape: [2], width: 8, depth: 1, interval: true, classes: 3 });
  const params: HostTensors = Object.fromEntries(
    Object.entries(network.init(3)).map(([name, { shape, data: values }]) => {
      const shift = normals({ seed: 5, purpose: name }, values.length);
      return [
        name,
        hostTensor(
          shape,
          Float32Array.from(values, (value, i) => value + 0.2 * shift[i]!),
        ),
      ];
    }),
  );
  const student: Model = { kind: 'flowMap', network, params, classes: ['a', 'b', 'c'] };
  const opaque: OpaqueField = {
    evaluate: async (x, t) => {
      const velocity = x.data.map((value, i) => {
        const time = t.data[i >> 1]!;
        return (value * (time - (1 - time) * std ** 2)) / (((1 - time) * std) ** 2 + time ** 2);
      });
      return Promise.resolve(hostTensor(x.shape, velocity));
    },
  };

  test.each([
    ['AYF-EMD', ayfEmd()],
    ['AYF-LMD, which asks the teacher elsewhere', ayfLmd()],
  ])('%s: one that only runs is as one in the program', async (_, objective) => {
    const common = { student, objective, data: labelled };
    const [inside, outside] = [
      await measure({ ...common, teacher: field }),
      await measure({ ...common, teacher: opaque }),
    ];
    inside.forEach(({ loss, metrics }, i) => {
      expect(outside[i]!.loss).toBeCloseTo(loss, 10);
      expect(outside[i]!.metrics['tangentNorm']).toBeCloseTo(metrics['tangentNorm']!, 10);
    });
  });

  test('with whatever else an objective draws', async () => {
    const base = ayfEmd();
    const objective: Objective = {
      ...base,
      draws: { place: [] },
      draw: (key, count) => ({ ...base.draw(key, count), place: Float32Array.from({ length: count }, (_, i) => i) }),
      loss(context) {
        const { loss, metrics } = base.loss(context);
        return { loss, metrics: { ...metrics, place: context.draws['place']!.mean() } };
      },
    };
    const common = { student, data: labelled, teacher: field };
    const [plain, more] = [await measure(common), await measure({ ...common, objective })];
    plain.forEach((row, i) => {
      expect(more[i]).toEqual({ ...row, metrics: { ...row.metrics, place: (COUNT - 1) / 2 } });
    });
  });

  test('on onnxruntime as on the reference', async () => {
    const common = { student, data: labelled, teacher: field };
    const [exact, onnx] = [
      await measure(common),
      await measure({ ...common, runtime: await onnxRuntime({ device: 'cpu', threads: 1 }) }),
    ];
    // Single precision.
    exact.forEach(({ metrics }, i) =>
      expect(onnx[i]!.metrics['tangentNorm']! / metrics['tangentNorm']!).toBeCloseTo(1, 4),
    );
  });

  test('trained by data alone, with no teacher', async () => {
    const rows = await lossByLength({ runtime, student, objective: flowMatching(), data: labelled, progress });
    for (const { loss } of rows) expect(loss).toBeGreaterThan(0);
    expect(rows.at(-1)!.share).toBe(1); // all that flow matching draws
  });

  test('what it cannot measure is refused', async () => {
    await expect(measure({ student, data })).rejects.toThrow('batch.conditions.label');
    const own = { parameters: {}, init: () => ({}), apply: () => undefined };
    await expect(measure({ student, objective: { ...ayfEmd(), own } })).rejects.toThrow(ConfigError);
    const common = { runtime, student, objective: ayfEmd(), data: labelled, progress };
    await expect(lossByLength(common)).rejects.toThrow('needs a teacher');
    await expect(measure({ student, data: { ...labelled, x: data.x.slice(1) } })).rejects.toThrow(ConfigError);
  });
});
