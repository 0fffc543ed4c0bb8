import {
  compileSampler,
  decodeModel,
  encodeModel,
  euler,
  flowMapFrom,
  loader,
  mlp,
  registerNetwork,
  uniformGrid,
  type Model,
} from '@flowmap/core';
import { gaussianMixture } from '@flowmap/data';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { full, hostTensor, normals } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { expect, test } from 'vitest';
import { classifierFree } from './classifier-free.js';
import { guidedModel, guidedNetwork } from './guided-model.js';
import { withGuidance } from './with-guidance.js';
import { withLabelDropout } from './with-label-dropout.js';

const network = mlp({ shape: [2], width: 8, depth: 1, classes: 3 });
const classes = ['cat', 'dog', 'none'];

/** A network with all parameters drawn at random, so that conditions make a difference. */
function drawn(seed: number): Model {
  const params = Object.entries(network.init(seed)).map(([name, { shape, data }]) => {
    return [name, hostTensor(shape, Float32Array.from(normals({ seed, purpose: name }, data.length)))] as const;
  });
  return { kind: 'velocity', network, params: Object.fromEntries(params), classes };
}

const [strong, weak] = [drawn(1), drawn(2)];
const noise = hostTensor([3, 2], Float32Array.of(0.4, -1, 0.7, 1.2, -0.3, 0.1));
const label = Int32Array.of(0, 1, 0);
const times = uniformGrid(1);

/** One Euler step, which is `x - v(x, 1)`. */
async function stepped(model: Model, conditions: Record<string, Int32Array | Float32Array>): Promise<number[]> {
  const sampler = await compileSampler(referenceRuntime(), model, { sampler: euler(), batchSize: 2 });
  const { data } = await sampler.sample({ noise, times, conditions });
  await sampler.dispose();
  return Array.from(data);
}

test('a guided model is sampled, with a scale for each sample, and saved', async () => {
  const guided = guidedModel({ strong, weak, scale: 'guidance' });
  const scales = [1, 2, 0.5];
  const guidance = Float32Array.from(scales);
  const [points, good, bad] = [
    await stepped(guided, { label, guidance }),
    await stepped(strong, { label }),
    await stepped(weak, { label }),
  ];
  points.forEach((value, i) => {
    const scale = scales[i >> 1]!;
    expect(value).toBeCloseTo(scale * good[i]! + (1 - scale) * bad[i]!, 12);
  });
  expect(points.slice(0, 2)).toEqual(good.slice(0, 2));
  registerNetwork('guided', guidedNetwork);
  const loaded = decodeModel(encodeModel(guided), 'guided.safetensors');
  expect(await stepped(loaded, { label, guidance })).toEqual(points);
});

test('without a weak model it is guided by the null class', async () => {
  const guided = guidedModel({ strong, nullClass: 'none', scale: 2 });
  const [points, told, untold] = [
    await stepped(guided, { label }),
    await stepped(strong, { label }),
    await stepped(strong, { label: Int32Array.of(2, 2, 2) }),
  ];
  points.forEach((value, i) => expect(value).toBeCloseTo(2 * told[i]! - untold[i]!, 12));
  const field = classifierFree({ model: strong, nullClass: 'none', scale: 2 });
  const names = Object.keys(field.parameters);
  const labels = hostTensor([3], label, 'int32');
  const { data } = await evaluate(
    referenceRuntime(),
    (x, label, ...values) => {
      const params = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
      return x.sub(field.velocity(params, { x, t: full(1, [3]), conditions: { label } }));
    },
    [noise, labels, ...Object.values(field.parameters)],
  );
  data.forEach((value, i) => expect(value).toBeCloseTo(points[i]!, 12));
});

test('a student starts as its teacher, to the bit, whatever the scale', async () => {
  const student = flowMapFrom(strong, 0, { conditions: { guidance: [] } });
  const alone = await stepped(strong, { label });
  for (const scale of [1, 3]) {
    expect(await stepped(student, { label, guidance: new Float32Array(3).fill(scale) })).toEqual(alone);
  }
});

test('refuses what cannot be guided', () => {
  expect(() => guidedModel({ strong, scale: 2 })).toThrow('neither');
  expect(() => guidedModel({ strong, nullClass: 'fox', scale: 2 })).toThrow("no class 'fox'");
  expect(() => guidedModel({ strong, weak: flowMapFrom(weak, 0), scale: 2 })).toThrow('the weak one a flowMap');
  expect(() => guidedModel({ strong, weak: { ...weak, path: 'trigonometric' }, scale: 2 })).toThrow('the path');
  const other: Model = { ...weak, parametrization: 'trigonometric' };
  expect(() => guidedModel({ strong, weak: other, scale: 2 })).toThrow('the parametrisation');
  expect(() => guidedModel({ strong, weak, scale: 'label' })).toThrow("a condition 'label' of its own");
  expect(() => classifierFree({ model: strong, dropped: ['size'], scale: 2 })).toThrow("'size'");
  expect(() => classifierFree({ model: strong, nullClass: 'none', scale: 0.5 })).toThrow('classifierFree.scale');
});

test('keeps the path and the parametrisation', () => {
  const meaning = { path: 'trigonometric', parametrization: 'trigonometric' } as const;
  expect(guidedModel({ strong: { ...strong, ...meaning }, weak: { ...weak, ...meaning }, scale: 2 })).toMatchObject(
    meaning,
  );
});

test('has a note on scales below 1', () => {
  const notes: string[] = [];
  const onNote = (note: string) => notes.push(note);
  for (const scale of [2, 1, 0.5]) guidedModel({ strong, weak, scale, onNote });
  expect(notes).toEqual(['a guidance scale of 0.5 is below 1: it moves samples towards the weak model']);
});

test('loaders draw scales and drop labels by seed and step', async () => {
  const data = gaussianMixture({ weights: [1, 1], means: [[0], [1]], stds: [1, 1], classes: ['a', 'b'] });
  const plain = loader(data, { batchSize: 1000, seed: 0 });
  const make = (seed: number) => {
    return withGuidance(withLabelDropout(plain, { share: 0.2, seed }), { from: 1, to: 3, seed });
  };
  const source = make(4);
  expect(source.dataset.classes).toEqual(['a', 'b', 'none']);
  const { x, conditions } = await source.batch(7);
  expect(await make(4).batch(7)).toEqual({ x, conditions });
  expect((await make(5).batch(7)).conditions).not.toEqual(conditions);
  const before = (await plain.batch(7)).conditions['label']!;
  const labels = Array.from(conditions['label']!);
  const share = labels.filter((value) => value === 2).length / 1000;
  expect(Math.abs(share - 0.2)).toBeLessThan(0.06); // 4.7 standard deviations
  labels.forEach((value, i) => expect([2, before[i]]).toContain(value));
  const scales = Array.from(conditions['guidance']!);
  expect(Math.min(...scales)).toBeGreaterThanOrEqual(1);
  expect(Math.max(...scales)).toBeLessThanOrEqual(3);
  expect(Math.abs(scales.reduce((a, b) => a + b) / 1000 - 2)).toBeLessThan(0.09); // 4.9 standard deviations
  const view = withGuidance(data, { from: 1, to: 3, seed: 4 });
  const [all, one] = [await view.batch([3, 9]), await view.batch([9])];
  expect(one.conditions['guidance']![0]).toBe(all.conditions['guidance']![1]);
});
