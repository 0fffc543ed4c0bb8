import { velocityAnchor, ayfEmd, ayfLmd } from '@flowmap/objectives';
import type { LogRecord, Objective } from '@flowmap/core';
import { describe, expect, test } from 'vitest';
import { classTable, distanceChart } from './distance-chart.js';
import { lineChart } from './line-chart.js';
import { instrumentCharts } from './instrument-charts.js';
import { objectiveSection } from './objective-section.js';
import { renderReport } from './report.js';

const record = (step: number, more: Record<string, number>): LogRecord => ({
  step,
  seconds: step,
  imagesPerSecond: 1,
  learningRate: 1e-3,
  ...more,
});

describe('a page', () => {
  test('is one file that holds all there is to see, with its texts escaped', () => {
    const page = renderReport({
      title: 'Emoji & <more>',
      lead: '1 < 2',
      figures: [{ label: 'RMSE', value: '0.1', note: 'teacher 0.2' }],
      sections: [
        {
          title: 'Pictures',
          pictures: {
            layout: 'strips',
            items: [
              { title: 'PNG', image: Uint8Array.of(137, 80, 78, 71) },
              { title: 'Address', role: 'student', image: 'data:image/gif;base64,R0lGODlhAQABAAAAACw=' },
            ],
          },
        },
        {
          title: 'Numbers',
          text: 'Best: "student"',
          table: {
            columns: [{ title: 'A' }, { title: 'B', role: 'student' }],
            rows: [{ label: '1', cells: ['a', 'b'], best: 1 }],
          },
          facts: [{ seed: 7 }],
        },
      ],
      files: { 'metrics.json': 'the numbers', 'my log.jsonl': 'the log' },
    });
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(page).toContain('<h1>Emoji &amp; &lt;more&gt;</h1>');
    expect(page).toContain('src="data:image/png;base64,iVBORw=="');
    expect(page).toContain('src="data:image/gif;base64,R0lGODlhAQABAAAAACw="');
    expect(page).toMatch(/<td class="best">b<\/td>/);
    expect(page).toContain('Best: &quot;student&quot;');
    expect(page).toContain('the log in <a href="my%20log.jsonl">my log.jsonl</a>');
    expect(page).not.toMatch(/<script|https?:|url\(|@import|undefined|NaN|\[object/);
  });

  test('encodes pictures of any size', () => {
    const image = Uint8Array.from({ length: 50_000 }, (_, i) => (i * i) % 256);
    const page = renderReport({ title: '', lead: '', sections: [{ title: '', pictures: { layout: 'grids', items: [{ title: '', image }] } }] }); // prettier-ignore
    expect(page).toContain(`base64,${Buffer.from(image).toString('base64')}"`);
  });
});

describe('a section on an objective', () => {
  const log = [1, 2, 3].map((step) => record(step, { loss: 2, tangentNorm: 3, velocityError: 1, gradientNorm: 5 }));
  const titles = (objective: Objective): string[] =>
    objectiveSection({ title: '', objective, log }).charts!.map(({ title }) => title);

  test('says what ran, in its own words and with its settings', () => {
    const { text } = objectiveSection({ title: '', objective: ayfLmd({ c: 0.25 }), log });
    expect(text).toMatch(/^Trained by AYF-LMD\. The student learns that its endpoint moves .* Its settings: c 0\.25, /);
    const held = velocityAnchor(ayfEmd(), { batch: { weight: 0.5 } });
    expect(objectiveSection({ title: '', objective: held, log }).text).toMatch(
      /^Trained by AYF-EMD.*of weight 0\.5, holds/,
    );
    expect(titles(ayfEmd())).toEqual(['Tangent norm', 'Velocity error', 'Learning rate']);
  });

  test('does without a description, and draws only what was logged', () => {
    const { about: _, watch: __, ...plain } = ayfEmd();
    const bare: Objective = { ...plain, name: 'mine', config: {} };
    expect(objectiveSection({ title: '', objective: bare, log }).text).toBe('Trained by mine.');
    expect(titles(bare)).toEqual(['Loss', 'Learning rate']);
    expect(objectiveSection({ title: '', objective: bare, log: log.slice(0, 1) }).charts).toBeUndefined();
    const asked = objectiveSection({ title: '', objective: bare, log, quantities: ['gradientNorm', 'other'] });
    expect(asked.charts!.map(({ title }) => title)).toEqual(['Gradient norm']);
  });
});

test('instruments are drawn from short to long, with what the objective says to watch', () => {
  const bins = [
    { from: 0.5, to: 1 },
    { from: 0.25, to: 0.5 },
    { from: 0, to: 0 },
  ];
  const readings = {
    drift: [{ t: 0, rms: 0.1 }],
    mapError: bins.map((bin, i) => ({ ...bin, rms: 3 - i, perLength: i })),
  };
  const charts = instrumentCharts({
    ...readings,
    loss: bins.map((_, i) => ({ share: i / 3, drawn: 1 / 3, metrics: { tangentNorm: i } })),
    watch: 'tangentNorm',
  });
  expect(charts.map(({ title }) => title)).toEqual([
    'Velocity drift',
    'Map error',
    'Map error per length',
    'Tangent norm',
    'Share of the pull',
  ]);
  expect(charts[1]).toMatchObject({ x: { labels: ['s = t', '1/2', '1'] }, lines: [{ y: [1, 2, 3] }] });
  expect(charts[4]!.lines.map(({ name }) => name)).toEqual(['of the intervals', 'of the loss']);
  expect(instrumentCharts(readings)).toHaveLength(3);
});

describe('distances', () => {
  const curves = [
    { name: 'Student', values: { 1: 9, 2: 6, 4: 5 } },
    { name: 'Teacher', role: 'teacher', values: { 4: 8 } },
  ] as const;

  test('over steps have a place for each number of steps, and a dot for each value', () => {
    const chart = distanceChart({ over: 'steps', title: 'Distance', curves });
    expect(chart.x).toEqual({ label: 'steps', labels: ['1', '2', '4'] });
    expect(chart.lines.map(({ x, y }) => [x, y])).toEqual([
      [[0, 1, 2], [9, 6, 5]],
      [[2], [8]],
    ]); // prettier-ignore
    const drawn = lineChart(chart);
    expect(drawn.match(/<circle/g)).toHaveLength(4);
    expect(drawn).toContain('<title>Teacher, steps 4: 8</title>');
  });

  test('over guidance lie at their scales', () => {
    const chart = distanceChart({
      over: 'guidance',
      title: '',
      curves: [{ name: 'Student', values: { 3: 4, 1.5: 2 } }],
    });
    expect(chart.lines[0]).toMatchObject({ x: [1.5, 3], y: [2, 4] });
  });

  test('class by class have their lowest emphasised', () => {
    const { rows } = classTable([{ title: 'A' }, { title: 'B' }], { cats: [3, 2], dogs: [NaN, 4], none: [NaN, NaN] });
    expect(rows).toEqual([
      { label: 'cats', cells: ['3.0', '2.0'], best: 1 },
      { label: 'dogs', cells: ['', '4.0'] },
      { label: 'none', cells: ['', ''] },
    ]);
  });
});
