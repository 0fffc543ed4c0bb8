import type { LogRecord, Objective } from '@flowmap/core';
import type { Metrics } from './metrics.js';
import { labelOf, type SamplePicture } from './pictures.js';
import { duration } from './report/duration.js';
import type { Curve } from './report/line-chart.js';
import type { CurveSection, PictureSection, Report, ReportPicture } from './report/report.js';
import type { ExampleRun } from './example-run.js';
import { settingsOf, timingsOf } from './report-facts.js';
import type { Trained } from './run-folder.js';

/** What {@link reportOf} reports on. */
export interface ReportSource {
  readonly run: ExampleRun;
  readonly metrics: Metrics;
  readonly pictures: readonly SamplePicture[];
  readonly teacher: Trained;
  readonly student: Trained;
}

/** The report of a run. */
export function reportOf({ run, metrics, pictures, teacher, student }: ReportSource): Report {
  const millions = (metrics.parameters / 1e6).toPrecision(2);
  return {
    title: `${run.subject}, from many steps to few`,
    lead:
      `A flow map of ${millions} million parameters, distilled from its teacher by ${run.student.objective.name} in ` +
      `${run.student.iterations.toLocaleString('en-GB')} iterations (${duration(metrics.seconds['distillation'] ?? 0)}). ` +
      `The teacher follows its ODE in many small steps; the student leaps along it in a few.`,
    metrics,
    sections: pictures.every(({ strip }) => strip) ? stripSections(pictures) : [tileSection(pictures)],
    curves: [
      ...curveSection(
        'How the student learned',
        studentText(run.student.objective, student.log),
        student.log,
        studentCurves(run.student.objective),
      ),
      ...curveSection(
        'How the teacher learned',
        'By flow matching: from a point between data and noise the network predicts the direction from one to the other. Many ' +
          'samples lead to the same point, so the loss levels off above zero.',
        teacher.log,
        TEACHER_CURVES,
      ),
    ],
    settings: settingsOf(run, student.model.network.config, metrics.parameters),
    timings: timingsOf(run, metrics),
  };
}

const METHODS = { reference: 'Heun', teacher: 'Euler', student: 'flow map' };

const shown = (picture: SamplePicture): ReportPicture => ({
  kind: picture.kind,
  title: labelOf(picture),
  note: METHODS[picture.kind],
  source: picture.strip ?? picture.file,
});

function stripSections(pictures: readonly SamplePicture[]): PictureSection[] {
  return [
    {
      title: 'The same noise, fewer and fewer steps',
      text:
        'Each column starts from one noise. At the top is where the teacher leads when its ODE is solved accurately; below, ' +
        'what it reaches in 1, 2, 4 and 8 steps, and what the student does.',
      layout: 'strips',
      pictures: pictures.map(shown),
    },
    {
      title: 'More samples',
      text: 'Not chosen: the first noises of the evaluation, the same in every picture.',
      layout: 'grids',
      pictures: pictures
        .filter(({ kind, steps }) => kind === 'reference' || (kind === 'student' && steps < 8))
        .map((picture) => shown({ ...picture, strip: undefined })),
    },
  ];
}

function tileSection(pictures: readonly SamplePicture[]): PictureSection {
  const of = (wanted: SamplePicture['kind']): ReportPicture[] =>
    pictures.filter(({ kind }) => kind === wanted).map(shown);
  return {
    title: 'The same noise, fewer and fewer steps',
    text: 'Every picture shows where the same noises end. The last is the teacher with its ODE solved accurately.',
    layout: 'tiles',
    pictures: [...of('teacher'), ...of('student'), ...of('reference')],
  };
}

type CurveSpec = readonly [quantity: string, title: string, note: string];

/** The metric that the objective says to watch, and the other quantities drawn if they were logged. */
function studentCurves({ watch = 'loss' }: Objective): CurveSpec[] {
  const watched: CurveSpec =
    watch === 'tangentNorm' ? [watch, 'Tangent norm', 'before normalisation'] : [watch, titleOf(watch), ''];
  const curves: CurveSpec[] = [
    watched,
    ['velocityError', 'Velocity error', '‖v − F‖'],
    ['learningRate', 'Learning rate', ''],
  ];
  return curves.filter(([quantity], i) => i === 0 || quantity !== watch);
}

/** Explains the curves of a student, as far as its objective is known. */
function studentText({ name, watch, schedules }: Objective, log: readonly LogRecord[]): string {
  const warmUp = Object.hasOwn(schedules, 'warmup') ? 'grows as the warm-up lets the time derivative in, and ' : '';
  const tangent =
    `The loss of ${name} is normalised and says little. The tangent is what pulls on the student: it ${warmUp}` +
    'should shrink as the learning rate falls.';
  const velocityError =
    " The velocity error is how far the student's average velocity is from the teacher's velocity at the start of the interval; " +
    'as trajectories bend, it does not go to zero.';
  const text = watch === 'tangentNorm' ? tangent : `What ${name} says to watch, ${watch ?? 'its loss'}, step by step.`;
  return log.some((record) => Object.hasOwn(record, 'velocityError')) ? text + velocityError : text;
}

/** `tangentNorm` as `Tangent norm`. */
function titleOf(quantity: string): string {
  const words = quantity.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const TEACHER_CURVES: readonly CurveSpec[] = [
  ['loss', 'Loss', 'squared error per sample'],
  ['gradientNorm', 'Gradient norm', ''],
  ['learningRate', 'Learning rate', ''],
];

function curveSection(
  title: string,
  text: string,
  log: readonly LogRecord[],
  specs: readonly CurveSpec[],
): CurveSection[] {
  if (log.length < 2) return [];
  const steps = log.map(({ step }) => step);
  const logged = specs.filter(([quantity]) => log.some((record) => Object.hasOwn(record, quantity)));
  const curves = logged.map(([quantity, name, note]): Curve => {
    const values = log.map((record) => record[quantity] ?? NaN);
    return { title: name, note, steps, values, noisy: quantity !== 'learningRate' };
  });
  return [{ title, text, curves }];
}
