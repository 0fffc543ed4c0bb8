import { encodeImageGrid } from '@flowmap/data/node';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { axisOf, shortNumber } from './axis.js';
import { barChart } from './bar-chart.js';
import { comparison } from './comparison.js';
import { duration } from './duration.js';
import { html } from './html.js';
import { lineChart } from './line-chart.js';

test('html escapes text, keeps markup and leaves nothing out of false', () => {
  const item = html`<li title="${'"'}">${'<b> & co'}</li>`;
  const list = html`<ul>
      ${[item, item]}
    </ul>
    <p>${false}${undefined}${7}</p>`;
  const escaped = '<li title="&quot;">&lt;b&gt; &amp; co</li>';
  expect(list.markup.replace(/\s*\n\s*/g, '')).toBe(`<ul>${escaped}${escaped}</ul><p>7</p>`);
});

test('a comparison holds its strips in order, to scale, each with its label', async () => {
  const images = new Float32Array(2 * 3 * 4 * 4);
  // Two images of 4 x 4 side by side with a gap of 2 around: 14 x 8 pixels.
  const strip = await encodeImageGrid({ images, shape: [3, 4, 4], columns: 2, gap: 2 });
  const picture = comparison([
    { label: 'Teacher & co', strip },
    { label: 'Student', strip },
  ]);
  expect(picture).toContain('>Teacher &amp; co</text>');
  expect(picture.indexOf('Teacher')).toBeLessThan(picture.indexOf('Student'));
  const sizes = [...picture.matchAll(/<image x="\d+" y="[\d.]+" width="([\d.]+)" height="([\d.]+)"/g)];
  expect(sizes).toHaveLength(2);
  for (const [, width, height] of sizes) expect(Number(width) / Number(height)).toBeCloseTo(14 / 8, 10);
  expect(picture.match(/href="data:image\/png;base64,[^"]+"/g)).toHaveLength(2);
});

describe('an axis', () => {
  test('has round ends', () => {
    expect(axisOf([0, 0.375], 4)).toEqual({ low: 0, high: 0.4, ticks: [0, 0.1, 0.2, 0.3, 0.4] });
    expect(axisOf([0, 560], 4).ticks).toEqual([0, 200, 400, 600]);
  });

  test('holds all finite values between few ticks in equal distances', () => {
    const value = fc.integer({ min: -1e9, max: 1e9 }).map((thousandths) => thousandths / 1000);
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), fc.integer({ min: 2, max: 8 }), (values, count) => {
        const { low, high, ticks } = axisOf([...values, NaN, Infinity], count);
        const slack = 1e-9 * Math.max(Math.abs(low), Math.abs(high)); // ticks are rounded to 12 digits
        expect(Math.min(...values)).toBeGreaterThanOrEqual(low - slack);
        expect(Math.max(...values)).toBeLessThanOrEqual(high + slack);
        expect(high).toBeGreaterThan(low);
        expect(ticks.length).toBeLessThanOrEqual(count + 3);
      }),
    );
  });

  test('survives having nothing to show', () => {
    expect(axisOf([], 4)).toMatchObject({ low: 0, high: 1 });
    expect(axisOf([NaN], 4)).toMatchObject({ low: 0, high: 1 });
  });
});

test('numbers are short', () => {
  expect([0, 12_500, 0.35, 0.0005, 1e-5, 2.5].map(shortNumber)).toEqual(['0', '12,500', '0.35', '5e-4', '1e-5', '2.5']);
});

test('durations are as a reader says them', () => {
  expect([4.21, 9.96, 59.6, 185, 4320].map(duration)).toEqual([
    '4.2 s',
    '10 s',
    '1 min 00 s',
    '3 min 05 s',
    '1 h 12 min',
  ]);
});

describe('charts', () => {
  const curve = (values: number[]): string =>
    lineChart({ title: 'Loss', note: '', steps: values.map((_, i) => i), values, noisy: true }).markup;

  test('a line breaks where a value is not finite', () => {
    expect(
      curve([1, 2, NaN, 3, 4])
        .match(/d="(.*?)"/)?.[1]
        ?.match(/M/g),
    ).toHaveLength(2);
  });

  test('a long curve has its running mean drawn over it', () => {
    const long = curve(Array.from({ length: 100 }, (_, i) => i % 2));
    expect(long).toContain('class="raw"');
    // The mean of 0, 1, 0, 1, … stays near a half: the drawn line does not reach either end of the axis.
    const heights = [...(long.match(/class="line" d="(.*?)"/)?.[1] ?? '').matchAll(/ ([\d.]+)/g)].map(([, y]) =>
      Number(y),
    );
    expect(heights).toHaveLength(100);
    expect(Math.max(...heights) - Math.min(...heights)).toBeLessThan(60);
    expect(curve([1, 2, 3])).not.toContain('class="raw"');
  });

  test('bars are as high as their values', () => {
    const { markup } = barChart('errors', [{ label: '1 step', teacher: 0.4, student: 0.1 }]);
    const [teacher, student] = [...markup.matchAll(/height="([\d.]+)"/g)].map(([, height]) => Number(height));
    expect(teacher! / student!).toBeCloseTo(4);
    expect(markup).toContain('0.400');
  });
});
