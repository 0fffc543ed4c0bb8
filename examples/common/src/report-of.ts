import type { LogRecord } from '@flowmap/core';
import {
  durationText,
  evaluationSection,
  finetuningSection,
  objectiveSection,
  type Report,
  type ReportFigure,
  type ReportPicture,
  type ReportSection,
} from '@flowmap/eval';
import { flowMatching } from '@flowmap/objectives';
import { EVALUATION_COUNT, REFERENCE_STEPS, STEP_COUNTS, type StepCount } from './evaluate.js';
import { distanceSection, furtherDistances } from './distance-section.js';
import type { ExampleRun } from './example-run.js';
import { instrumentSection } from './instrument-section.js';
import type { Looks } from './looks.js';
import { looksSections } from './looks-sections.js';
import type { Metrics } from './metrics.js';
import { labelOf, type SamplePicture } from './pictures.js';
import { settingsOf, timingsOf, titleOf } from './report-facts.js';
import type { Trained } from './run-folder.js';

/** What {@link reportOf} reports on. */
export interface ReportSource {
  readonly run: ExampleRun;
  readonly metrics: Metrics;
  readonly pictures: readonly SamplePicture[];
  /** Only for images whose distance was measured. */
  readonly looks: Looks | undefined;
  readonly teacher: Trained;
  readonly student: Trained;
  /** Records of the finetuning; none without one. */
  readonly finetuningLog: readonly LogRecord[];
}

/** The report of a run. */
export function reportOf(source: ReportSource): Report {
  const { run, metrics, pictures, looks, teacher, student, finetuningLog } = source;
  const { objective, iterations } = run.student;
  const millions = (metrics.parameters / 1e6).toPrecision(2);
  const learned = objectiveSection({ title: 'How the student learned', objective, log: student.log });
  const evaluated = evaluationSection(student.log);
  const taught = objectiveSection({
    title: 'How the teacher learned',
    objective: flowMatching(),
    log: teacher.log,
    quantities: ['loss', 'gradientNorm', 'learningRate'],
    role: 'teacher',
  });
  return {
    title: `${run.subject}, from many steps to few`,
    lead:
      `A flow map of ${millions} million parameters, distilled from its teacher by ${titleOf(objective)} in ` +
      `${iterations.toLocaleString('en-GB')} iterations (${durationText(metrics.seconds['distillation'] ?? 0)}). ` +
      `The teacher follows its ODE in many small steps; the student leaps along it in a few.`,
    figures: figuresOf(metrics),
    sections: [
      ...(pictures.every(({ strip }) => strip) ? stripSections(pictures) : [tileSection(pictures)]),
      errorSection(metrics),
      ...(metrics.distances ? [distanceSection(metrics.distances), ...furtherDistances(metrics.distances)] : []),
      ...(evaluated ? [evaluated] : []),
      ...(looks ? looksSections(looks) : []),
      instrumentSection(metrics, objective),
      learned,
      ...(run.finetuning ? [finetuningSection(finetuningLog)] : []),
      ...(teacher.log.length > 1 ? [taught] : []),
      {
        title: 'The run',
        facts: [settingsOf(run, student.model.network.config, metrics.parameters), timingsOf(run, metrics)],
      },
    ],
    files: { 'metrics.json': 'the numbers', 'config.json': 'the settings', 'log.jsonl': 'the training log' },
  };
}

function figuresOf({ teacher, student, trainStep, wallSeconds }: Metrics): ReportFigure[] {
  const error = (steps: StepCount): ReportFigure => ({
    label: `endpoint RMSE in ${steps === 1 ? '1 step' : `${steps} steps`}`,
    value: student[steps].endpointRmse.toFixed(3),
    note: `teacher ${teacher[steps].endpointRmse.toFixed(3)}`,
  });
  return [
    error(1),
    error(2),
    {
      label: 'a training step',
      value: trainStep.seconds.toPrecision(2),
      note: `s, ${trainStep.gflops.toFixed(0)} GFLOP/s`,
    },
    { label: 'from start to report', value: durationText(wallSeconds) },
  ];
}

const METHODS = { reference: 'Heun', teacher: 'Euler', student: 'flow map' };

const shown = (picture: SamplePicture): ReportPicture => ({
  role: picture.kind,
  title: labelOf(picture),
  note: METHODS[picture.kind],
  image: picture.strip ?? picture.image,
});

function stripSections(pictures: readonly SamplePicture[]): ReportSection[] {
  return [
    {
      title: 'The same noise, fewer and fewer steps',
      text:
        'Each column starts from one noise. At the top is where the teacher leads when its ODE is solved accurately; below, ' +
        'what it reaches in 1, 2, 4 and 8 steps, and what the student does.',
      pictures: { layout: 'strips', items: pictures.map(shown) },
    },
    {
      title: 'More samples',
      text: 'Not chosen: the first noises of the evaluation, the same in every picture.',
      pictures: {
        layout: 'grids',
        items: pictures
          .filter(({ kind, steps }) => kind === 'reference' || (kind === 'student' && steps < 8))
          .map((picture) => shown({ ...picture, strip: undefined })),
      },
    },
  ];
}

function tileSection(pictures: readonly SamplePicture[]): ReportSection {
  const of = (wanted: SamplePicture['kind']): ReportPicture[] =>
    pictures.filter(({ kind }) => kind === wanted).map(shown);
  return {
    title: 'The same noise, fewer and fewer steps',
    text: 'Every picture shows where the same noises end. The last is the teacher with its ODE solved accurately.',
    pictures: { layout: 'tiles', items: [...of('teacher'), ...of('student'), ...of('reference')] },
  };
}

function errorSection({ teacher, student }: Metrics): ReportSection {
  const groups = STEP_COUNTS.map((steps) => ({
    label: String(steps),
    values: [teacher[steps].endpointRmse, student[steps].endpointRmse],
  }));
  return {
    title: 'How far from where the teacher leads',
    text:
      `The endpoint RMSE at N steps is the root mean square distance, over ${EVALUATION_COUNT} noises, between where N evaluations of ` +
      "the network lead and where the teacher's exact trajectory from the same noise ends (Heun's method in " +
      `${REFERENCE_STEPS} steps): 0 for an exact flow map at every N, so it should fall, or stay, as N grows.`,
    charts: [
      {
        title: 'Endpoint RMSE',
        note: 'of teacher and student',
        x: { label: 'steps' },
        y: { label: 'RMSE' },
        bars: [
          { name: 'Teacher, Euler', role: 'teacher' },
          { name: 'Student, flow map', role: 'student' },
        ],
        groups,
      },
    ],
    table: {
      columns: [
        { title: 'Teacher, Euler', role: 'teacher' },
        { title: 'Student, flow map', role: 'student' },
      ],
      rows: STEP_COUNTS.map((steps) => {
        const [a, b] = [teacher[steps].endpointRmse, student[steps].endpointRmse];
        return {
          label: steps === 1 ? '1 step' : `${steps} steps`,
          cells: [a.toFixed(4), b.toFixed(4)],
          ...(b < a ? { best: 1 } : {}),
        };
      }),
    },
  };
}
