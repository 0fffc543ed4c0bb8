import type { LogRecord } from '@flowmap/core';
import { imageGrid, type Picture } from '@flowmap/data';
import { distanceChart, instrumentCharts, objectiveSection, renderReport, type ReportSection } from '@flowmap/eval';
import { ayfEmd } from '@flowmap/objectives';
import { cdp } from 'vitest/browser';
import { afterAll, beforeAll, beforeEach, describe, expect, expectTypeOf, test } from 'vitest';

/** A page with everything that a report can have, with long words and numbers of all sizes. */
const page = renderReport({
  title: 'Checkerboards, from many steps to few',
  lead: 'A flow map of 0.2 million parameters, distilled from its teacher in a few minutes.',
  figures: [
    { label: 'endpoint RMSE in 1 step', value: '0.123', note: 'teacher 0.456' },
    { label: 'a training step', value: '0.0123', note: 's, 1234 GFLOP/s' },
    { label: 'from start to report', value: '12 min 34 s' },
  ],
  sections: [
    ...(['strips', 'tiles', 'grids'] as const).map(pictureSection),
    {
      title: 'How far from where the teacher leads',
      text: 'The endpoint RMSE at N steps.',
      charts: [
        {
          title: 'Endpoint RMSE',
          x: { label: 'steps' },
          y: { label: 'RMSE', scale: 'log' },
          bars: [
            { name: 'Teacher, Euler', role: 'teacher' },
            { name: 'Student, flow map', role: 'student' },
          ],
          groups: [1, 2, 4, 8, 16].map((steps) => ({ label: String(steps), values: [10 / steps, 0.02] })),
        },
      ],
      table: {
        columns: [
          { title: 'Teacher, Euler', role: 'teacher' },
          { title: 'Student, flow map', role: 'student' },
        ],
        rows: [{ label: '16 steps', cells: ['0.6250', '0.0200'], best: 1 }],
      },
    },
    {
      title: 'Why more steps help',
      charts: instrumentCharts({
        drift: [0, 0.5, 1].map((t) => ({ t, rms: 0.01 + t ** 2 })),
        mapError: [1, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 0].map((to) => ({
          from: to / 2,
          to,
          rms: to,
          perLength: 1 - to,
        })),
        loss: Array.from({ length: 8 }, () => ({ share: 1 / 8, drawn: 1 / 8, metrics: { tangentNorm: 12_345.6 } })),
        watch: 'tangentNorm',
      }),
    },
    {
      title: 'How far from the data',
      charts: [
        distanceChart({
          over: 'steps',
          title: 'Distance',
          curves: [
            { name: 'Student, flow map', values: { 1: 60.2, 2: 41, 4: 38.7 } },
            { name: 'Student, consistency sampler', dash: [6, 3], values: { 1: 60.2, 2: 45, 4: 44.2 } },
            { name: 'Teacher, Euler', role: 'teacher', values: { 4: 55.5 } },
          ],
        }),
      ],
    },
    objectiveSection({ title: 'How the student learned', objective: ayfEmd(), log: log() }),
    { title: 'The run', facts: [{ data: 'x'.repeat(200), seed: 0 }, { versions: 'many, '.repeat(40) }] },
  ],
  files: { 'metrics.json': 'the numbers' },
});

function log(): LogRecord[] {
  return Array.from({ length: 200 }, (_, i) => ({
    step: 500 * (i + 1),
    seconds: i,
    imagesPerSecond: 1,
    tangentNorm: 20 + 5 * Math.sin(i),
    velocityError: 1e6 / (i + 1),
    learningRate: 1e-4 * (1 - i / 200),
  }));
}

function pictureSection(layout: 'strips' | 'tiles' | 'grids'): ReportSection {
  const square = "<svg xmlns='http://www.w3.org/2000/svg' width='1600' height='200'/>";
  const image = `data:image/svg+xml,${encodeURIComponent(square)}`;
  const items = (['reference', 'teacher', 'student'] as const).map((role) => ({
    title: role,
    note: 'Heun',
    role,
    image,
  }));
  return { title: layout, text: 'Each column starts from one noise.', pictures: { layout, items } };
}

/** What the browser logs as errors. */
const complaints: string[] = [];
let frame: HTMLIFrameElement;

beforeAll(async () => {
  await cdp().send('Log.enable');
  cdp().on('Log.entryAdded', ({ entry }) => {
    if (entry.level === 'error') complaints.push(entry.text);
  });
});
beforeEach(() => void complaints.splice(0));
afterAll(async () => {
  frame.remove();
  await cdp().send('Log.disable');
  await cdp().send('Emulation.setEmulatedMedia', { features: [] });
});

/** Opens the page in a window of the given width. */
async function open(width: number, scheme: 'light' | 'dark'): Promise<Document> {
  await cdp().send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  (frame as HTMLIFrameElement | undefined)?.remove();
  frame = document.createElement('iframe');
  frame.style.cssText = `width: ${String(width)}px; height: 800px; border: 0`;
  frame.srcdoc = page;
  const loaded = new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }));
  document.body.append(frame);
  await loaded;
  return frame.contentDocument!;
}

describe.each([
  [360, 'light'],
  [360, 'dark'],
  [1200, 'light'],
  [1200, 'dark'],
] as const)('a report at %i pixels, %s', (width, scheme) => {
  test('fits, can be read, and nothing fails', async () => {
    const opened = await open(width, scheme);
    const { body, documentElement } = opened;
    const view = opened.defaultView!;
    expect(view.innerWidth).toBe(width);
    expect(view.matchMedia(`(prefers-color-scheme: ${scheme})`).matches).toBe(true);

    expect(documentElement.scrollWidth).toBeLessThanOrEqual(width);
    const outside = [...body.querySelectorAll('*')].filter((element) => {
      const { left, right } = element.getBoundingClientRect();
      return left < 0 || right > width;
    });
    expect(outside.map(({ outerHTML }) => outerHTML.slice(0, 80))).toEqual([]);

    const texts = [...body.querySelectorAll<HTMLElement | SVGElement>('*')].filter((element) =>
      [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent!.trim() !== ''),
    );
    expect(texts.length).toBeGreaterThan(100);
    const faint = texts.filter((element) => element.tagName !== 'title' && contrast(element, view) < 4.5);
    expect(faint.map(({ outerHTML }) => outerHTML)).toEqual([]);

    for (const image of body.querySelectorAll('img')) expect(image.naturalWidth).toBeGreaterThan(0);
    expect(complaints).toEqual([]);
  });

  test('has charts whose axes are labelled, in letters that are large enough and do not overlap', async () => {
    const charts = [...(await open(width, scheme)).querySelectorAll('.chart > svg')];
    expect(charts).toHaveLength(10);
    for (const chart of charts) {
      const name = chart.getAttribute('aria-label')!;
      expect(chart.querySelectorAll('.axis').length, name).toBe(2);
      const boxes = [...chart.querySelectorAll('text')].map((text) => text.getBoundingClientRect());
      expect(boxes.length, name).toBeGreaterThan(6);
      const pairs = boxes.flatMap((a, i) => boxes.slice(i + 1).map((b) => [a, b] as const));
      const overlapping = pairs.filter(
        ([a, b]) => a.left < b.right && b.left < a.right && a.top + 2 < b.bottom && b.top + 2 < a.bottom,
      );
      expect(overlapping, name).toEqual([]);
      // 11 units of the view box, as the chart is scaled.
      expect((11 * chart.getBoundingClientRect().width) / 320, name).toBeGreaterThan(9);
    }
  });
});

/** Contrast of an element's text with what is behind it (WCAG 2.2). */
function contrast(element: Element, view: Window): number {
  let behind: Element | null = element;
  let background = '';
  while (behind !== null && (background === '' || background.endsWith(', 0)'))) {
    background = view.getComputedStyle(behind).backgroundColor;
    behind = behind.parentElement;
  }
  const style = view.getComputedStyle(element);
  const ink = isSvg(element) ? style.fill : style.color;
  const [a, b] = [luminance(ink), luminance(background)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

const isSvg = (element: Element): boolean => element.namespaceURI === 'http://www.w3.org/2000/svg';

/** Relative luminance of `rgb(r, g, b)`. */
function luminance(colour: string): number {
  const [red, green, blue] = /^rgba?\((\d+), (\d+), (\d+)/
    .exec(colour)!
    .slice(1)
    .map((text) => {
      const part = Number(text) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

test('the pixels of a picture are what a canvas takes, in types too', () => {
  expectTypeOf<Picture['pixels']>().toExtend<ImageDataArray>();
  const { pixels, width, height } = imageGrid({ images: [1, -1], shape: [1, 1, 1], gap: 0 });
  const context = document.createElement('canvas').getContext('2d')!;
  context.putImageData(new ImageData(pixels, width, height), 0, 0);
  expect([...context.getImageData(0, 0, 2, 1).data]).toEqual([255, 255, 255, 255, 0, 0, 0, 255]);
});
