import type { LogRecord, Objective } from '@flowmap/core';
import { requireKnownOptions } from '@flowmap/tensor';
import type { ChartRole } from './chart.js';
import type { LineChart } from './line-chart.js';
import type { ReportSection } from './report.js';
import { capitalised, numberText, wordsOf } from './words.js';

/** What {@link objectiveSection} shows. */
export interface ObjectiveSectionOptions {
  readonly title: string;
  /** The objective that was trained with. */
  readonly objective: Pick<Objective, 'name' | 'config' | 'watch' | 'about'>;
  /** Records of the run. */
  readonly log: readonly LogRecord[];
  /**
   * Quantities to draw if they were logged, in this order; unless given, the one that the objective says to watch or
   * else its loss, then its other metrics and the learning rate.
   */
  readonly quantities?: readonly string[];
  /** Whose training it is; `student` unless given. */
  readonly role?: ChartRole;
}

/** Descriptions of quantities that every training logs. */
const KNOWN: Readonly<Record<string, string>> = {
  loss: 'mean over the batch',
  gradientNorm: 'before clipping',
  learningRate: 'by the schedule',
};

/**
 * A section of a report on how a model learned: the objective's description with its settings, and its curves. If an
 * objective has no description, its name is shown.
 */
export function objectiveSection(given: ObjectiveSectionOptions): ReportSection {
  requireKnownOptions('objectiveSection', given, {
    title: true,
    objective: true,
    log: true,
    quantities: true,
    role: true,
  });
  const { title, objective, log, role = 'student', ...options } = given;
  const { watch = 'loss', about, name } = objective;
  const metrics = about?.metrics ?? {};
  const quantities = options.quantities ?? [watch, ...Object.keys(metrics), 'learningRate'];
  const logged = [...new Set(quantities)].filter((quantity) => log.some((record) => Object.hasOwn(record, quantity)));
  const settings = settingsText(objective.config);
  const chart = (quantity: string): LineChart => ({
    title: capitalised(wordsOf(quantity)),
    note: metrics[quantity] ?? KNOWN[quantity] ?? '',
    x: { label: 'training step' },
    y: { label: wordsOf(quantity), ...(quantity === 'gradientNorm' ? { scale: 'log' } : {}) },
    lines: [
      {
        x: log.map(({ step }) => step),
        y: log.map((record) => record[quantity] ?? NaN),
        noisy: quantity !== 'learningRate',
        role,
      },
    ],
  });
  return {
    title,
    text: `Trained by ${about?.title ?? name}. ${about?.text ?? ''} ${settings === '' ? '' : `Its settings: ${settings}.`}`.trim(),
    ...(log.length > 1 ? { charts: logged.map(chart) } : {}),
  };
}

/** The settings of an objective as text: `c 0.1, rMax 0.99`, without those that follow from the run. */
export function settingsText(config: Objective['config']): string {
  const text = (value: string | number | boolean | null): string =>
    value === null ? 'by the run' : typeof value === 'number' ? numberText(value) : String(value);
  return Object.entries(config)
    .map(([name, value]) => `${name} ${text(value)}`)
    .join(', ');
}
