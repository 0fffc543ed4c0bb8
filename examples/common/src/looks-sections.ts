import { numberText, type ReportSection } from '@flowmap/eval';
import type { Looks } from './looks.js';

/** Nearest neighbours in the data, and paths from noise to noise. */
export function looksSections({ neighbours, distances, interpolations }: Looks): ReportSection[] {
  const mean = distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
  const least = Math.min(...distances);
  return [
    {
      title: 'New, or learned by heart?',
      text:
        "Above are the student's samples in 4 steps, below each the image of the training data whose pixels are nearest. Where both " +
        'are the same, the student repeats what it saw. From -1 (black) to 1 (white), their root mean square difference is ' +
        `${numberText(mean)} on average, and ${numberText(least)} for the nearest pair.`,
      pictures: {
        layout: 'strips',
        items: [{ title: 'Samples, and their neighbours', role: 'student', image: neighbours }],
      },
    },
    {
      title: 'From one noise to another',
      text: 'Each row starts from noises along a great circle, one class to a row: a good map takes them to images that change gradually.',
      pictures: { layout: 'strips', items: [{ title: 'Interpolations', role: 'student', image: interpolations }] },
    },
  ];
}
