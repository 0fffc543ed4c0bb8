import type { LogRecord } from '@flowmap/core';
import type { LineChart } from './line-chart.js';
import type { ReportSection } from './report.js';

/** Charts of a finetuning: title, note, and the quantities of its lines with their names in the legend. */
const CHARTS: readonly (readonly [title: string, note: string, lines: Readonly<Record<string, string>>])[] = [
  ['Logits', "the discriminator's means", { 'discriminator.real': 'real', 'discriminator.fake': 'generated' }],
  ['Gap', 'between the two; 0 is a draw', { 'discriminator.gap': 'gap' }],
  ['Accuracy', 'fraction that the discriminator classifies right', { 'discriminator.accuracy': 'accuracy' }],
  [
    'Penalties',
    'squared gradient norms',
    { 'discriminator.r1': 'R1', 'penalty.r1': 'R1', 'discriminator.r2': 'R2', 'penalty.r2': 'R2' },
  ],
  ['Adaptive weight', 'of the adversarial term', { 'generator.balance': 'weight' }],
  [
    'Gradients at the last layer',
    'of the two losses',
    { 'generator.objectiveGradient': 'objective', 'generator.adversarialGradient': 'adversarial' },
  ],
  [
    'Diversity',
    "mean distance of two samples in the discriminator's features",
    { 'generator.diversity': 'generated', 'generator.realDiversity': 'real' },
  ],
];

/**
 * A section of a report on how a student was finetuned: charts of the adversarial term if the records have one,
 * otherwise of the loss.
 *
 * @param log records of `finetune` of `@flowmap/adversarial`, or of an objective alone
 */
export function finetuningSection(log: readonly LogRecord[]): ReportSection {
  const adversarial = isAdversarial(log);
  const charts: typeof CHARTS = adversarial ? CHARTS : [['Loss', 'mean over the batch', { loss: 'loss' }]];
  const chartOf = ([title, note, lines]: (typeof CHARTS)[number]): LineChart => ({
    title,
    note,
    x: { label: 'training step' },
    y: { label: title.toLowerCase(), zero: false },
    lines: Object.entries(lines)
      .map(([quantity, name]) => ({ quantity, name, records: log.filter((record) => Object.hasOwn(record, quantity)) }))
      .filter(({ records }) => records.length > 0)
      .map(({ quantity, name, records }, i) => ({
        name,
        x: records.map(({ step }) => step),
        y: records.map((record) => record[quantity]!),
        noisy: true,
        role: i === 0 ? 'student' : 'teacher',
      })),
  });
  return {
    title: 'How the student was finetuned',
    text: adversarial
      ? 'A discriminator judged what the student makes while its objective went on. A gap that keeps growing and an accuracy of 1 ' +
        'mean that the discriminator has won; a diversity far below that of the data is collapse.'
      : 'The objective went on without its warm-up.',
    ...(log.length > 1 ? { charts: charts.map(chartOf).filter(({ lines }) => lines.length > 0) } : {}),
  };
}

/** Whether a training had a discriminator, by its records. */
export function isAdversarial(log: readonly LogRecord[]): boolean {
  return log.some((record) => Object.keys(record).some((quantity) => quantity.startsWith('discriminator.')));
}
