import { checkerboard, imageDataset } from '@flowmap/data';
import { expect, test } from 'vitest';
import { dataLine, rangeWarning, sampleStatistics } from './sample-statistics.js';

const data = imageDataset({
  name: 'grey',
  pixels: Uint8Array.of(0, 0, 0, 255),
  shape: [1, 1, 1],
  labels: [0, 0, 0, 0],
  classes: ['all'],
});

test('mean, deviation and range, of all samples or of some that are spread evenly', async () => {
  const all = await sampleStatistics(data);
  expect(all).toMatchObject({ samples: 4, mean: -0.5, min: -1, max: 1 });
  expect(all.deviation).toBeCloseTo(Math.sqrt(0.75), 12);
  expect(await sampleStatistics(data, { samples: 2 })).toMatchObject({ samples: 2, mean: -1, deviation: 0, max: -1 });
  expect(dataLine(data, all)).toBe(
    'data: 4 samples of [1, 1, 1], 1 class; values -1.00 to 1.00, mean -0.50, deviation 0.87',
  );
  const endless = checkerboard();
  expect(dataLine(endless, await sampleStatistics(endless))).toMatch(
    /^data: endless samples of \[2\]; values .*, mean -?0\.\d\d, deviation 1\.\d\d \(of 256\)$/,
  );
  await expect(sampleStatistics(data, { samples: 0 })).rejects.toThrow('sampleStatistics.samples');
});

test.each([
  [-1, 1, undefined],
  [-1.05, 1.05, undefined],
  [-1, 0.2, undefined],
  [0, 1, "the images of 'grey' have values from 0.00 to 1.00, and should fill -1 … 1; is a scale missing, 2 x - 1?"],
  [
    0,
    255,
    "the images of 'grey' have values from 0.00 to 255, and should lie in -1 … 1; is a scale missing, x / 127.5 - 1?",
  ],
  [-3, 1, "the images of 'grey' have values from -3.00 to 1.00, and should lie in -1 … 1"],
] as const)('values from %f to %f', (min, max, warning) => {
  const statistics = { samples: 1, mean: 0, deviation: 0, min, max };
  if (warning === undefined) expect(rangeWarning(data, statistics)).toBeUndefined();
  else expect(rangeWarning(data, statistics)).toContain(warning);
  expect(rangeWarning({ name: 'points', shape: [2] }, statistics)).toBeUndefined();
  expect(rangeWarning({ name: 'latents', shape: [4, 8, 8] }, statistics)).toBeUndefined();
});
