import { distanceChart, type DistanceCurve, type ReportSection } from '@flowmap/eval';
import type { Distances } from './distances.js';

/** Features of EfficientNet-Lite0. */
const FEATURES = 1280;

/** Distances from the data by steps, as a chart and in a table. */
export function distanceSection(distances: Distances): ReportSection {
  const { protocol, samples, reference, teacher, student, consistency } = distances;
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
      (samples < FEATURES ? ` Fewer samples than the ${number.format(FEATURES)} features make it larger still.` : ''),
    charts: [distanceChart({ over: 'steps', title: 'Distance', note: 'from the data, by steps', curves })],
    table: {
      columns: [{ title: 'distance' }],
      rows: curves.flatMap(({ name, values }) =>
        Object.entries(values).map(([steps, value]) => ({
          label: `${name}, ${steps === '1' ? '1 step' : `${steps} steps`}`,
          cells: [value.toFixed(1)],
        })),
      ),
    },
    facts: [{ protocol }],
  };
}
