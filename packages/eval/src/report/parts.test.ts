import { encodeImageGrid } from '@flowmap/data/node';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { axisOf, logAxisOf } from './axis.js';
import { barChart } from './bar-chart.js';
import { html } from './html.js';
import { lineChart } from './line-chart.js';
import { stripComparison } from './strip-comparison.js';
import { durationText, numberText, wordsOf } from './words.js';

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
  // Two images of 4 x 4 side by side, with a gap of 2 around them: 14 x 8 pixels.
  const strip = await encodeImageGrid({ images, shape: [3, 4, 4], columns: 2, gap: 2 });
  const picture = stripComparison([
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
    expect(axisOf([0, 0.375], 4)).toMatchObject({ low: 0, high: 0.4, ticks: [0, 0.1, 0.2, 0.3, 0.4] });
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

  test('is logarithmic in powers of ten, or finer over less than two of them', () => {
    expect(logAxisOf([0.004, 70], 4).ticks).toEqual([0.001, 0.1, 10, 1000]);
    expect(logAxisOf([0.004, 70], 6).ticks).toEqual([0.001, 0.01, 0.1, 1, 10, 100]);
    expect(logAxisOf([3, 40], 4).ticks).toEqual([2, 5, 10, 20, 50]);
    expect(logAxisOf([2, 2], 4).ticks).toEqual([2, 5]);
    expect(logAxisOf([1, 1000, 0, -5, NaN], 4).ticks).toEqual([1, 10, 100, 1000]);
    const { place } = logAxisOf([1, 100], 4);
    expect([1, 10, 100].map(place)).toEqual([0, 0.5, 1]);
    expect([0, -1].map(place)).toEqual([NaN, NaN]);
  });

  test('that is logarithmic holds all positive values between few ticks', () => {
    const value = fc.double({ min: 1e-12, max: 1e12, noNaN: true });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), (values) => {
        const { low, high, ticks } = logAxisOf([...values, 0, Infinity], 4);
        expect(low).toBeLessThanOrEqual(Math.min(...values) * (1 + 1e-9));
        expect(high).toBeGreaterThanOrEqual(Math.max(...values) * (1 - 1e-9));
        expect(ticks.length).toBeGreaterThan(1);
        expect(ticks.length).toBeLessThanOrEqual(8);
      }),
    );
  });

  test('survives having nothing to show', () => {
    expect(axisOf([], 4)).toMatchObject({ low: 0, high: 1 });
    expect(axisOf([NaN], 4)).toMatchObject({ low: 0, high: 1 });
    expect(logAxisOf([0], 4)).toMatchObject({ low: 1, high: 10 });
  });
});

test('numbers are short', () => {
  expect([0, 12_500, 0.35, 0.0005, 1e-5, 2.5].map(numberText)).toEqual(['0', '12,500', '0.35', '5e-4', '1e-5', '2.5']);
});

test('durations are as a reader says them', () => {
  expect([4.21, 9.96, 59.6, 185, 4320].map(durationText)).toEqual([
    '4.2 s',
    '10 s',
    '1 min 00 s',
    '3 min 05 s',
    '1 h 12 min',
  ]);
});

test('names of code are written as words', () => {
  expect(['tangentNorm', 'loss', 'rMax', 'velocityAnchor.share'].map(wordsOf)).toEqual([
    'tangent norm',
    'loss',
    'r max',
    'velocity anchor.share',
  ]);
});

describe('charts', () => {
  const step = { label: 'training step' };
  const curve = (y: number[], more = {}): string =>
    lineChart({
      title: 'Loss',
      x: step,
      y: { label: 'squared error', ...more },
      lines: [{ x: y.map((_, i) => i), y, noisy: true }],
    });
  const pathOf = (markup: string): string => /class="(?:line|raw) student"\s+d="(.*?)"/.exec(markup)![1]!;

  test('have a title, axes with numbers, and what these measure', () => {
    const markup = curve([0, 2, 4]);
    expect(markup).toContain('aria-label="Loss: squared error over training step"');
    expect(markup).toMatch(/class="axis"[^>]*>squared error</);
    expect(markup).toMatch(/class="axis"[^>]*>training step</);
    for (const tick of [0, 1, 2, 3, 4]) expect(markup).toContain(`text-anchor="end">${tick}</text>`);
    expect(curve([NaN])).not.toMatch(/NaN|undefined/);
    expect(curve([])).not.toMatch(/NaN|undefined/);
  });

  test('a line breaks where a value is not finite, or not positive on a logarithmic axis', () => {
    expect(pathOf(curve([1, 2, NaN, 3, 4])).match(/M/g)).toHaveLength(2);
    expect(pathOf(curve([1, 20, 0, 300, 4], { scale: 'log' })).match(/M/g)).toHaveLength(2);
  });

  test('an axis may start elsewhere than at 0, and end later', () => {
    expect(curve([10, 11])).toContain('text-anchor="end">0</text>');
    expect(curve([10, 11], { zero: false })).not.toContain('text-anchor="end">0</text>');
    const running = lineChart({ title: '', x: { ...step, to: 1000 }, y: step, lines: [{ x: [1], y: [1] }] });
    expect(running).toContain('>1,000</text>');
  });

  test('a long line that scatters has its running mean drawn over it', () => {
    const long = curve(Array.from({ length: 100 }, (_, i) => i % 2));
    expect(long).toContain('class="raw student"');
    // The mean of 0, 1, 0, 1, … stays near a half: the drawn line does not reach either end of the axis.
    const mean = /class="line student"\s+d="(.*?)"/.exec(long)![1]!;
    const heights = [...mean.matchAll(/ ([\d.]+)/g)].map(([, y]) => Number(y));
    expect(heights).toHaveLength(100);
    expect(Math.max(...heights) - Math.min(...heights)).toBeLessThan(60);
    expect(curve([1, 2, 3])).not.toContain('class="raw');
  });

  test('lines over something else have its labels, in equal distances, and a legend', () => {
    const markup = lineChart({
      title: 'Share',
      x: { label: 'length', labels: ['s = t', '1/2', '1'] },
      y: { label: 'share' },
      lines: [
        { name: 'drawn <b>', x: [0, 1, 2], y: [0.9, 0.9, 0.9], role: 'teacher', dash: [2, 3] },
        { name: 'loss', x: [0, 1, 2], y: [0.1, 0.2, 0.3] },
      ],
    });
    const places = [...markup.matchAll(/<text x="([\d.]+)"[^>]*text-anchor="middle">([^<]+)<\/text>/g)];
    expect(places.map(([, , label]) => label)).toEqual(['s = t', '1/2', '1']);
    const [first, second, third] = places.map(([, x]) => Number(x));
    expect(third! - second!).toBeCloseTo(second! - first!, 1);
    expect(markup).toContain('drawn &lt;b&gt;</span>');
    expect(markup.match(/class="line teacher"\s+stroke-dasharray="2 3"/g)).toHaveLength(2);
    expect(markup).toContain('text-anchor="end">1</text>'); // the vertical axis includes both
  });

  test('bars are as high as their values, and left out where there is none', () => {
    const bars = [
      { name: 'Teacher', role: 'teacher' },
      { name: 'Student', role: 'student' },
    ] as const;
    const common = { title: 'Errors', x: { label: 'steps' }, bars };
    const groups = [
      { label: '1', values: [0.4, 0.1] },
      { label: '2', values: [NaN, 0.2] },
    ];
    const markup = barChart({ ...common, y: { label: 'RMSE' }, groups });
    const heights = (of: string): number[] => [...of.matchAll(/height="([\d.]+)"\s+rx/g)].map(([, h]) => Number(h));
    const [teacher, student, ...others] = heights(markup);
    expect(teacher! / student!).toBeCloseTo(4, 1); // places are rounded to two decimals
    expect(others).toHaveLength(1);
    expect(markup).toContain('<title>Teacher, 1: 0.4</title>');
    const log = barChart({
      ...common,
      y: { label: 'RMSE', scale: 'log' },
      groups: [{ label: '1', values: [1000, 10] }, { label: '2', values: [1, 0] }], // prettier-ignore
    });
    const [thousand, ten, one] = heights(log);
    expect(thousand! / ten!).toBeCloseTo(3, 1);
    expect(one).toBe(0);
  });
});
