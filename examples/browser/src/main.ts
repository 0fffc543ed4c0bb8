import { causeText } from '@flowmap/core';
import { CHART_STYLE, lineChart, type LineChart } from '@flowmap/eval';
import { drawPoints } from './draw-points.js';
import {
  DEFAULTS,
  FEW,
  MANY,
  MEASURED,
  type Command,
  type Method,
  type Phase,
  type Points,
  type Report,
  type Settings,
} from './messages.js';
import { settingsOf } from './settings.js';
import { tilesIn, type Tile } from './tiles.js';

type Status = 'idle' | 'loading' | 'running' | 'paused' | 'done' | 'failed';
interface Curve {
  readonly x: number[];
  readonly y: number[];
}

const element = (id: string): HTMLElement => document.getElementById(id)!;
const canvas = (id: string): HTMLCanvasElement => element(id) as HTMLCanvasElement;
const toggle = element('toggle') as HTMLButtonElement;
const device = element('device') as HTMLSelectElement;
const labels: Readonly<Record<Status, string>> = {
  idle: 'Start',
  loading: 'Loading …',
  running: 'Pause',
  paused: 'Resume',
  done: 'Again',
  failed: 'Again',
};
const tiles: Readonly<Record<Phase, readonly Tile[]>> = {
  teacher: tilesIn(element('teacher-tiles'), [...FEW, MANY].map(String)),
  student: tilesIn(element('student-tiles'), [...FEW.map(String), 'data']),
};

let settings: Settings = DEFAULTS;
let worker: Worker | undefined;
let status: Status = 'idle';
let noise: Points | undefined;
let methods: Readonly<Record<Phase, Method>> | undefined;
/** What is drawn over the steps, and how far from the data the teacher's exact flow ends. */
let curves: { losses: Record<Phase, Curve>; distances: Curve[]; fromData: Curve[]; exact: number };
/** Milliseconds that the run took before its last start or resumption, and when that was. */
let clock = { before: 0, since: 0 };

/** Strokes and gaps of the student's lines in 1, 2 and 4 steps. */
const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 3]];

document.head.append(Object.assign(document.createElement('style'), { textContent: CHART_STYLE }));
const fault = readAddress();
device.value = settings.device;
toggle.addEventListener('click', () => {
  if (status === 'running') tell({ type: 'pause' }, 'paused');
  else if (status === 'paused') tell({ type: 'resume' }, 'running');
  else start();
});
element('reset').addEventListener('click', reset);
device.addEventListener('change', () => {
  settings = { ...settings, device: device.value as Settings['device'] };
  reset();
});
for (const query of ['(prefers-color-scheme: dark)', '(max-width: 46rem)']) {
  matchMedia(query).addEventListener('change', redraw);
}
window.addEventListener('resize', redraw);
setInterval(showTime, 250);
reset();
if (fault !== undefined) receive({ type: 'failed', message: fault });
else if (new URLSearchParams(location.search).has('start')) start();

/** Takes the settings of the page's address; returns what is wrong with it, if anything. */
function readAddress(): string | undefined {
  try {
    settings = settingsOf(location.search);
    return undefined;
  } catch (error) {
    return causeText(error);
  }
}

function start(): void {
  reset();
  show('loading');
  worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }: MessageEvent<Report>) => receive(data);
  worker.onerror = ({ message }) => receive({ type: 'failed', message });
  worker.postMessage({ type: 'start', settings } satisfies Command);
}

function tell(command: Command, next: Status): void {
  worker?.postMessage(command);
  show(next);
}

/** Ends the run, if any, and clears the page. */
function reset(): void {
  worker?.terminate();
  worker = undefined;
  noise = undefined;
  methods = undefined;
  curves = {
    losses: { teacher: { x: [], y: [] }, student: { x: [], y: [] } },
    distances: FEW.map(() => ({ x: [], y: [] })),
    fromData: FEW.map(() => ({ x: [], y: [] })),
    exact: NaN,
  };
  clock = { before: 0, since: 0 };
  for (const tile of [...tiles.teacher, ...tiles.student]) tile.show(undefined);
  for (const phase of ['teacher', 'student'] as const) showProgress(phase, 0);
  element('runtime').textContent = element('speed').textContent = '–';
  element('message').textContent = '';
  showMethods();
  show('idle');
  showTime();
  redraw();
}

function receive(report: Report): void {
  switch (report.type) {
    case 'ready':
      ({ noise, methods } = report);
      showMethods();
      element('runtime').textContent = report.runtime;
      tiles.student.at(-1)!.show({ points: report.data });
      show('running');
      redraw();
      return;
    case 'progress':
      element('speed').textContent = report.stepsPerSecond.toFixed(1);
      add(curves.losses[report.phase], report.step, report.loss);
      showProgress(report.phase, report.step, report.loss);
      drawCharts();
      return;
    case 'samples':
      for (const [i, { points, distance, fromData }] of report.samples.entries()) {
        tiles[report.phase][i]!.show({ points, ...(noise ? { noise } : {}), ...(distance ? { distance } : {}) });
        if (report.phase === 'teacher') {
          if (i === FEW.length) curves.exact = fromData;
          continue;
        }
        add(curves.distances[i]!, report.step, distance ?? 0);
        add(curves.fromData[i]!, report.step, fromData);
      }
      drawCharts();
      return;
    case 'done':
      show('done');
      return;
    case 'failed':
      element('message').textContent = report.message;
      worker?.terminate();
      show('failed');
  }
}

function show(next: Status): void {
  if (status === 'running') clock.before += performance.now() - clock.since;
  if (next === 'running') clock.since = performance.now();
  status = document.body.dataset['status'] = next;
  toggle.textContent = labels[next];
  toggle.disabled = next === 'loading';
}

function showTime(): void {
  const seconds = Math.floor((clock.before + (status === 'running' ? performance.now() - clock.since : 0)) / 1000);
  element('time').textContent = `${String(Math.floor(seconds / 60))}:${String(seconds % 60).padStart(2, '0')}`;
}

function showProgress(phase: Phase, step: number, loss?: number): void {
  const steps = stepsOf(phase);
  const name = phase === 'teacher' ? 'Teacher' : 'Student';
  const value = loss === undefined ? '' : `, loss ${loss.toFixed(3)}`;
  element(`${phase}-step`).textContent = `${name}: ${String(step)} of ${String(steps)} steps${value}`;
  (element(`${phase}-bar`) as HTMLProgressElement).value = step / steps;
}

function stepsOf(phase: Phase): number {
  return phase === 'teacher' ? settings.teacherSteps : settings.studentSteps;
}

function redraw(): void {
  const start = noise ?? new Float32Array();
  drawPoints(canvas('noise'), start, start, false);
  for (const tile of [...tiles.teacher, ...tiles.student]) tile.draw();
  drawCharts();
}

/** The objectives of teacher and student, once they are known. */
function showMethods(): void {
  const texts = Object.values(methods ?? {}).flatMap(({ title, text }) => [
    Object.assign(document.createElement('dt'), { textContent: title }),
    Object.assign(document.createElement('dd'), { textContent: text }),
  ]);
  element('methods').replaceChildren(...texts);
}

function drawCharts(): void {
  element('curves').innerHTML = [lossChart('teacher'), lossChart('student'), distanceChart(), dataChart()]
    .map(lineChart)
    .join('');
}

function lossChart(phase: Phase): LineChart {
  return {
    title: `${phase === 'teacher' ? 'Teacher' : 'Student'}’s loss`,
    note: methods?.[phase].title ?? '',
    x: { label: 'training step', to: stepsOf(phase) },
    y: { label: 'loss', zero: false },
    lines: [{ ...curves.losses[phase], role: phase, noisy: true }],
  };
}

function distanceChart(): LineChart {
  return {
    title: 'Student’s distance to the teacher',
    x: { label: 'training step', to: settings.studentSteps },
    y: { label: 'distance' },
    lines: linesOf(curves.distances),
  };
}

function dataChart(): LineChart {
  const teacher = { name: `teacher, ${String(MANY)} steps`, role: 'teacher' } as const;
  const ends = [0, settings.studentSteps];
  return {
    title: 'Student’s distance from the data',
    note: `of ${String(MEASURED)} points, sliced Wasserstein-2`,
    x: { label: 'training step', to: settings.studentSteps },
    y: { label: 'distance' },
    lines: [...linesOf(curves.fromData), { ...teacher, x: ends, y: ends.map(() => curves.exact) }],
  };
}

function linesOf(curvesOfSteps: readonly Curve[]): LineChart['lines'] {
  return curvesOfSteps.map((curve, i) => {
    const name = FEW[i] === 1 ? '1 step' : `${String(FEW[i])} steps`;
    return { ...curve, name, ...(i > 0 ? { dash: DASHES[i]! } : {}) };
  });
}

function add(curve: Curve, step: number, value: number): void {
  curve.x.push(step);
  curve.y.push(value);
}
