import { expect, test, vi } from 'vitest';
import page from '../index.html?raw';
import './style.css';

const points = 300;

test('the page trains a teacher and a student, and draws what they sample', async () => {
  const query = { seed: 0, teacherSteps: 120, studentSteps: 200, batchSize: 256, width: 64, depth: 2, points };
  const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  history.replaceState(null, '', `?start&device=cpu&${search.toString()}`);
  const { body } = new DOMParser().parseFromString(page, 'text/html');
  document.body.replaceChildren(...body.children);
  const texts = { teacher: textsOf('#teacher-step'), one: textsOf('#student-tiles figcaption span') };
  await import('./main.js');
  await vi.waitUntil(() => /done|failed/.test(document.body.dataset['status'] ?? ''), { timeout: 280_000 });

  expect(document.querySelector('#message')!.textContent).toBe('');
  expect(document.body.dataset['status']).toBe('done');
  expect(document.querySelector('#runtime')!.textContent).toBe('onnx (cpu)');
  expect(document.querySelector('#student-step')!.textContent).toMatch(/^Student: 200 of 200 steps, loss \d/);

  // The loss starts at 4, the mean square of the velocities: the data's 2 and the noise's 2. How many steps each report
  // covers depends on the machine, so means over many are compared; the loss of a single batch of 256 points is off by
  // 0.2.
  const losses = numbersIn(texts.teacher, /: (\d+) of .* loss (.*)/);
  const between = (first: number, last: number): number =>
    mean(losses.flatMap(([step, loss]) => (step! > first && step! <= last ? [loss!] : [])));
  expect(between(0, 24)).toBeGreaterThan(3.5);
  expect(between(60, 120)).toBeLessThan(0.95 * between(0, 24));
  // At first a student's single step leads to where the teacher's does; after training it ends closer to the
  // teacher's flow.
  const distances = numbersIn(texts.one, /off by (.*)/).flat();
  expect(distances.at(-1)).toBeLessThan(0.75 * distances[0]!);

  const pictures = [...document.querySelectorAll<HTMLCanvasElement>('.tiles canvas')];
  expect(pictures.map(({ dataset }) => dataset['points'])).toEqual(Array(8).fill(String(points)));
  for (const picture of pictures) expect(coloursOf(picture)).toBeGreaterThan(10);

  const charts = [...document.querySelectorAll<SVGElement>('#curves > .chart > svg')];
  expect(charts.map((chart) => chart.getAttribute('aria-label'))).toEqual([
    'Teacher’s loss: loss over training step',
    'Student’s loss: loss over training step',
    'Student’s distance to the teacher: distance over training step',
    'Student’s distance from the data: distance over training step',
  ]);
  expect(charts.map((chart) => chart.querySelectorAll('path.line').length)).toEqual([1, 1, 3, 4]);
  for (const path of charts[3]!.querySelectorAll('path.line')) expect(path.getAttribute('d')).toMatch(/^M[\d. ]+L/);
  expect(document.querySelector('#curves')!.textContent).toContain('AYF-EMD');
  expect(document.querySelector('#methods')!.textContent).toContain('warm-up');

  document.querySelector<HTMLButtonElement>('#reset')!.click();
  expect(document.body.dataset['status']).toBe('idle');
  expect(pictures.map(({ dataset }) => dataset['points'])).toEqual(Array(8).fill('0'));
});

/** Collects every text that the first element matching a selector shows from now on. */
function textsOf(selector: string): string[] {
  const texts: string[] = [];
  new MutationObserver(() => texts.push(document.querySelector(selector)?.textContent ?? '')).observe(document.body, {
    subtree: true,
    childList: true,
    characterData: true,
  });
  return texts;
}

/** The numbers that a pattern finds in each text, if they differ from those of the previous text. */
function numbersIn(texts: readonly string[], pattern: RegExp): number[][] {
  const changed = texts.filter((text, i) => text !== texts[i - 1]);
  return changed.flatMap((text) => {
    const found = pattern.exec(text);
    return found ? [found.slice(1).map(Number)] : [];
  });
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Number of colours in a picture. */
function coloursOf(canvas: HTMLCanvasElement): number {
  const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
}
