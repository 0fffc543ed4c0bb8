import { referenceRuntime } from '@flowmap/runtime-reference';
import { gradients, hostTensor, type HostTensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { expect, test } from 'vitest';
import { differentiableAugmentation, type AugmentationOptions } from './augmentation.js';

const image = hostTensor(
  [1, 1, 4, 4],
  Float64Array.from({ length: 16 }, (_, i) => i + 1),
);

async function augmented(
  options: Omit<AugmentationOptions, 'shape'>,
  draws: Record<string, number[]>,
  x: HostTensor = image,
): Promise<number[]> {
  const augmentation = differentiableAugmentation({ shape: x.shape.slice(1), ...options });
  const names = Object.keys(augmentation.draws);
  expect(Object.keys(draws)).toEqual(names);
  const given = names.map((name) => hostTensor([1, ...augmentation.draws[name]!], Float64Array.from(draws[name]!)));
  const { data } = await evaluate(
    referenceRuntime(),
    (x, ...values) => augmentation.apply(x, Object.fromEntries(names.map((name, i) => [name, values[i]!]))),
    [x, ...given],
  );
  return [...data];
}

test('shifts by whole pixels, with zeros coming in', async () => {
  const shift = { colour: false, cutout: 0, translation: 1 / 4 };
  // Among the shifts -1, 0 and 1, the draws choose the first for rows and the last for columns.
  const moved = await augmented(shift, { shift: [0, 0.99] });
  expect(moved).toEqual([0, 0, 0, 0, 0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11]);
  expect(await augmented(shift, { shift: [0.5, 0.5] })).toEqual([...image.data]);
});

test('cuts out a square, which may reach over the edge', async () => {
  const cut = { colour: false, translation: 0, cutout: 1 / 2 };
  const inside = await augmented(cut, { cutout: [0.5, 0.25] });
  expect(inside).toEqual([1, 2, 3, 4, 0, 0, 7, 8, 0, 0, 11, 12, 13, 14, 15, 16]);
  expect((await augmented(cut, { cutout: [0, 0] })).slice(0, 4)).toEqual([0, 2, 3, 4]);
});

test('colours stay with draws in the middle, and change by their formulas', async () => {
  const colour = { translation: 0, cutout: 0 };
  const same = await augmented(colour, { brightness: [0.5], saturation: [0.5], contrast: [0.5] });
  same.forEach((value, i) => expect(value).toBeCloseTo(i + 1, 12));
  const changed = await augmented(colour, { brightness: [0.9], saturation: [0], contrast: [0] });
  changed.forEach((value, i) => expect(value).toBeCloseTo(8.9 + (i + 1 - 8.5) / 2, 12)); // one channel has no colour
});

test('a gradient flows through to the pixels that are seen', async () => {
  const augmentation = differentiableAugmentation({ shape: [1, 4, 4], colour: false, translation: 0 });
  const slope = await evaluate(
    referenceRuntime(),
    (x, cutout) => gradients(augmentation.apply(x, { cutout: cutout }).sum(), [x])[0]!,
    [image, hostTensor([1, 2], Float64Array.of(0.5, 0.25))],
  );
  expect([...slope.data]).toEqual([1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1]);
});

test('shares beyond 1 and shapes of points are refused', () => {
  expect(() => differentiableAugmentation({ shape: [1, 4, 4], translation: 2 })).toThrow('translation');
  expect(() => differentiableAugmentation({ shape: [1, 4, 4], cutout: -1 })).toThrow('cutout');
  expect(() => differentiableAugmentation({ shape: [2] })).toThrow('shape');
});
