import { classTable, distanceChart, type DistanceCurve, type ReportSection } from '@flowmap/eval';
import type { Distances } from './distances.js';

/** Features of EfficientNet-Lite0. */
const FEATURES = 1280;

/** Distances from the data by steps, as a chart and in a table. */
export function distanceSection(distances: Distances): ReportSection {
  const { protocol, samples, reference, recall, teacher, student, consistency } = distances;
  const number = new Intl.NumberFormat('en-GB');
  const curves: DistanceCurve[] = [
    { name: 'Student, flow map', values: student },
    ...(consistency ? [{ name: 'Student, consistency', dash: [6, 3], values: { 1: student[1], ...consistency } }] : []),
    { name: 'Teacher, Euler', role: 'teacher', values: teacher },
  ];
  return {
    title: 'How far from the data',
    text:
      `The Fréchet distance between ${number.format(samples)} samples and ${number.format(reference)} images of the data, by the features of ` +
      'EfficientNet-Lite0, a network that tells what is in photographs: lower is better. It is no FID, and compares within this ' +
      'table only, since it grows as samples get fewer.' +
      (samples < FEATURES ? ` Fewer samples than the ${number.format(FEATURES)} features make it larger still.` : '') +
      (recall ? ' Recall is the share of the data that samples cover: higher is better.' : ''),
    charts: [distanceChart({ over: 'steps', title: 'Distance', note: 'from the data, by steps', curves })],
    table: {
      columns: [{ title: 'distance' }, ...(recall ? [{ title: 'recall' }] : [])],
      rows: curves.flatMap(({ name, values }) =>
        Object.entries(values).map(([steps, value]) => ({
          label: `${name}, ${steps === '1' ? '1 step' : `${steps} steps`}`,
          cells: [value.toFixed(1), ...(recall ? [recallOf(values, steps)] : [])],
        })),
      ),
    },
    facts: [{ protocol, ...(recall ? { recall: recall.protocol } : {}) }],
  };

  /** A recall as text; empty if it was not measured. */
  function recallOf(values: DistanceCurve['values'], steps: string): string {
    const of: Readonly<Record<string, number>> = values === student ? recall!.student : recall!.teacher;
    return values === student || values === teacher ? of[steps]!.toFixed(3) : '';
  }
}

/** Distances class by class and over the scale of guidance, if they were measured. */
export function furtherDistances({ byClass, guidance, samples }: Distances): ReportSection[] {
  const number = new Intl.NumberFormat('en-GB');
  const rows = Object.entries(byClass ?? {}).map(([name, { student, teacher }]): [string, number[]] => [
    name,
    [student[1], student[2], student[4], teacher[4]].map((value) => value ?? NaN),
  ]);
  const titles = ['Student, 1 step', 'Student, 2 steps', 'Student, 4 steps'];
  return [
    ...(byClass
      ? [
          {
            title: 'Class by class',
            text:
              'The squared distance between the mean features of the samples of a class and those of its images: the first part of ' +
              'the Fréchet distance. Of so few samples the covariances of 1,280 features say nothing, and the Fréchet distance is ' +
              'mostly bias; this number has none, and can be slightly negative where both are alike. It sees whether a class ' +
              'looks right on average, not whether it is varied. Classes with fewer than 20 samples or images stay empty.',
            table: classTable([...titles.map((title) => ({ title })), { title: 'Teacher, 4 steps', role: 'teacher' }], {
              ...Object.fromEntries(rows),
            }),
          },
        ]
      : []),
    ...(guidance
      ? [
          {
            title: 'How much guidance',
            text:
              `The Fréchet distance of ${number.format(samples)} samples of the student in 4 steps, by the scale of guidance λ that it is ` +
              'told. At 1 there is none. Guidance that is too strong makes samples alike, which takes them away from the data again.',
            charts: [
              distanceChart({
                over: 'guidance',
                title: 'Distance',
                note: 'from the data, by λ',
                curves: [{ name: 'Student, 4 steps', values: guidance }],
              }),
            ],
          },
        ]
      : []),
  ];
}
