import { drawChart, type Line } from './draw-chart.js';
import { drawPoints } from './draw-points.js';
import { FEW, MANY, type Command, type Phase, type Points, type Report, type Settings } from './messages.js';
import { settingsOf } from './settings.js';
import { tilesIn, type Tile } from './tiles.js';

type Status = 'idle' | 'loading' | 'running' | 'paused' | 'done' | 'failed';
type Curve = (readonly [step: number, value: number])[];

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

let settings: Settings = settingsOf(location.search);
let worker: Worker | undefined;
let status: Status = 'idle';
let noise: Points | undefined;
let curves: { losses: Record<Phase, Curve>; distances: Curve[] };
/** Milliseconds that the run took before the last start or resumption, and the time of that. */
let clock = { before: 0, since: 0 };

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
if (new URLSearchParams(location.search).has('start')) start();

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
  curves = { losses: { teacher: [], student: [] }, distances: FEW.map(() => []) };
  clock = { before: 0, since: 0 };
  for (const tile of [...tiles.teacher, ...tiles.student]) tile.show(undefined);
  for (const phase of ['teacher', 'student'] as const) showProgress(phase, 0);
  element('runtime').textContent = element('speed').textContent = '–';
  element('message').textContent = '';
  show('idle');
  showTime();
  redraw();
}

function receive(report: Report): void {
  switch (report.type) {
    case 'ready':
      noise = report.noise;
      element('runtime').textContent = report.runtime;
      tiles.student.at(-1)!.show({ points: report.data });
      show('running');
      redraw();
      return;
    case 'progress':
      element('speed').textContent = report.stepsPerSecond.toFixed(1);
      curves.losses[report.phase].push([report.step, report.loss]);
      showProgress(report.phase, report.step, report.loss);
      drawCharts();
      return;
    case 'samples':
      for (const [i, { points, distance }] of report.samples.entries()) {
        tiles[report.phase][i]!.show({ points, ...(noise ? { noise } : {}), ...(distance ? { distance } : {}) });
        if (report.phase === 'student') curves.distances[i]!.push([report.step, distance ?? 0]);
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

function drawCharts(): void {
  for (const phase of ['teacher', 'student'] as const) {
    const line: Line = { points: curves.losses[phase], colour: `--${phase}`, smooth: true };
    drawChart(canvas(`${phase}-loss`), [line], stepsOf(phase));
  }
  const dashes = [[], [6, 3], [2, 3]];
  const lines = curves.distances.map((points, i): Line => {
    const steps = FEW[i]!;
    return { points, colour: '--student', label: steps === 1 ? '1 step' : `${String(steps)} steps`, dash: dashes[i]! };
  });
  drawChart(canvas('distance'), lines, settings.studentSteps);
}
