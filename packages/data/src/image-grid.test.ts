import { ConfigError } from '@flowmap/core';
import { expect, test } from 'vitest';
import { imageGrid } from './image-grid.js';

const pixelAt = ({ pixels, width }: ReturnType<typeof imageGrid>, row: number, column: number): number[] => [
  ...pixels.subarray(4 * (row * width + column), 4 * (row * width + column) + 3),
];

test('images are laid out in rows with gaps and enlarged without smoothing', () => {
  // Three grey images with one row of two pixels: the first is black and white, the second grey, the third white.
  const images = [-1, 1, 0, 0, 1, 1];
  const grid = imageGrid({ images, shape: [1, 1, 2], columns: 2, scale: 2, gap: 1, background: [9, 8, 7] });
  expect([grid.width, grid.height]).toEqual([1 + 4 + 1 + 4 + 1, 1 + 2 + 1 + 2 + 1]);
  const red = Array.from({ length: grid.height }, (_, row) =>
    Array.from({ length: grid.width }, (_, column) => pixelAt(grid, row, column)[0]),
  );
  expect(red).toEqual([
    [9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9],
    [9, 0, 0, 255, 255, 9, 128, 128, 128, 128, 9],
    [9, 0, 0, 255, 255, 9, 128, 128, 128, 128, 9],
    [9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9],
    [9, 255, 255, 255, 255, 9, 9, 9, 9, 9, 9],
    [9, 255, 255, 255, 255, 9, 9, 9, 9, 9, 9],
    [9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9],
  ]);
  expect(pixelAt(grid, 0, 0)).toEqual([9, 8, 7]);
  expect(grid.pixels.every((value, i) => i % 4 < 3 || value === 255)).toBe(true);
  expect(pixelAt(grid, 1, 6)).toEqual([128, 128, 128]);
});

test('all 256 levels survive the way to −1 … 1 and back', () => {
  const images = Float32Array.from({ length: 256 }, (_, p) => p / 127.5 - 1);
  const { pixels } = imageGrid({ images, shape: [1, 16, 16], gap: 0 });
  expect(Array.from({ length: 256 }, (_, i) => pixels[4 * i])).toEqual(Array.from({ length: 256 }, (_, p) => p));
});

test('three channels are red, green and blue; values are clamped and NaN is black', () => {
  const grid = imageGrid({ images: [-2, NaN, 0, 2, 1, 1], shape: [3, 1, 2], gap: 0 });
  expect(pixelAt(grid, 0, 0)).toEqual([0, 128, 255]);
  expect(pixelAt(grid, 0, 1)).toEqual([0, 255, 255]);
});

test('by default the images form a square with white gaps of one pixel', () => {
  const grid = imageGrid({ images: new Float32Array(5 * 4), shape: [1, 2, 2] });
  expect([grid.width, grid.height]).toEqual([3 * 3 + 1, 2 * 3 + 1]);
  expect(pixelAt(grid, 0, 0)).toEqual([255, 255, 255]);
});

test('arguments out of range are refused', () => {
  const good = { images: new Float32Array(8), shape: [1, 2, 2] };
  const cases: [() => unknown, RegExp][] = [
    [() => imageGrid({ ...good, images: new Float32Array(9) }), /imageGrid\.images: .*4 numbers each, got 9 numbers/],
    [() => imageGrid({ ...good, images: [] }), /imageGrid\.images/],
    [() => imageGrid({ ...good, shape: [2, 2, 2] }), /imageGrid\.shape/],
    [() => imageGrid({ ...good, columns: 0 }), /imageGrid\.columns/],
    [() => imageGrid({ ...good, scale: 1.5 }), /imageGrid\.scale/],
    [() => imageGrid({ ...good, gap: -1 }), /imageGrid\.gap/],
    [() => imageGrid({ ...good, background: [0, 0, 256] }), /imageGrid\.background: .*got \[0, 0, 256\]/],
  ];
  for (const [call, message] of cases) {
    expect(call).toThrow(ConfigError);
    expect(call).toThrow(message);
  }
});
