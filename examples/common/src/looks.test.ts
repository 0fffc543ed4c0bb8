import { dit, flowMapFrom, type Dataset, type Model } from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { distanceSection, furtherDistances } from './distance-section.js';
import { drawLooks, noiseWays, slerp } from './looks.js';
import { looksSections } from './looks-sections.js';

describe('the way from one vector to another', () => {
  const [a, b] = [Float32Array.of(3, 0), Float32Array.of(0, 3)];

  test('starts and ends there, and keeps its length', () => {
    expect([...slerp(a, b, 0)]).toEqual([3, 0]);
    expect(Math.abs(slerp(a, b, 1)[0]!)).toBeLessThan(1e-6);
    for (const share of [0.1, 0.5, 0.9]) expect(Math.hypot(...slerp(a, b, share))).toBeCloseTo(3, 5);
    expect([...slerp(a, b, 1 / 3)].map((value) => Number(value.toFixed(4)))).toEqual([2.5981, 1.5]);
  });

  test('to itself stays there', () => {
    expect([...slerp(a, a, 0.3)]).toEqual([3, 0]);
  });
});

test('noises on the way are as large as normal noise', () => {
  const { shape, data } = noiseWays([3, 16, 16]);
  expect(shape).toEqual([36, 3, 16, 16]);
  for (let i = 0; i < 36; i++) {
    const rms = Math.hypot(...data.subarray(768 * i, 768 * (i + 1))) / Math.sqrt(768);
    // The deviation of the root mean square of 768 normal numbers is 1 / sqrt(2 * 768) = 0.026.
    expect(Math.abs(rms - 1)).toBeLessThan(0.1);
  }
});

test('samples stand above their neighbours, and ways below each other, in the words of the report', async () => {
  const shape = [3, 4, 4];
  const network = dit({ shape, patch: 2, width: 32, depth: 1 });
  const teacher: Model = { kind: 'velocity', network, params: network.init(0), classes: [] };
  const white: Dataset = {
    name: 'white',
    length: 5,
    shape,
    classes: [],
    conditions: {},
    batch: (indices) =>
      Promise.resolve({ x: new Float32Array(48 * Array.from(indices).length).fill(1), conditions: {} }),
  };
  const looks = await drawLooks({ runtime: referenceRuntime(), data: white, student: flowMapFrom(teacher, 0) });
  expect(looks.distances).toHaveLength(12);
  const [near, along] = await Promise.all([looks.neighbours, looks.interpolations].map((png) => sharp(png).metadata()));
  // Twelve images of 4 pixels with gaps of 2 around; two rows, and three.
  expect([near!.width, near!.height, along!.width, along!.height]).toEqual([74, 14, 74, 20]);
  const { data } = await sharp(looks.neighbours).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  expect([...data.subarray(3 * (74 * 8 + 2), 3 * (74 * 8 + 6))]).toEqual(Array(12).fill(255));
  const [heart, ways] = looksSections(looks);
  expect(heart!.text).toMatch(/root mean square difference is [\d.]+ on average, and [\d.]+ for the nearest pair/);
  expect(ways!.pictures!.items).toHaveLength(1);
});

test('distances become a curve for each kind of samples, and a table', () => {
  const distances = { protocol: 'p', samples: 1000, reference: 50, student: { 1: 3, 2: 2, 4: 1 }, teacher: { 4: 2 } };
  const of = (more: object) => distanceSection({ ...distances, ...more });
  expect(of({}).charts![0]).toMatchObject({ lines: [{ y: [3, 2, 1] }, { y: [2], role: 'teacher' }] });
  const { charts, table } = of({ consistency: { 2: 2.5, 4: 1.5 } });
  expect(charts![0]).toMatchObject({ lines: [{}, { y: [3, 2.5, 1.5] }, {}] });
  expect(table!.rows).toHaveLength(7);

  expect(furtherDistances(distances)).toEqual([]);
  const byClass = {
    cats: { student: { 1: 3, 2: 2, 4: -0.1 }, teacher: { 4: 1 } },
    dogs: { student: { 1: null, 2: null, 4: null }, teacher: { 4: null } },
  };
  const [classes, sweep] = furtherDistances({ ...distances, byClass, guidance: { 1: 5, 1.5: 3, 2: 4 } });
  expect(classes!.table!.rows).toEqual([
    { label: 'cats', cells: ['3.0', '2.0', '-0.1', '1.0'], best: 2 },
    { label: 'dogs', cells: ['', '', '', ''] },
  ]);
  expect(sweep!.charts![0]).toMatchObject({ lines: [{ x: [1, 1.5, 2], y: [5, 3, 4] }] });
});
