import { join } from 'node:path';
import { writeFileAtomic } from '@flowmap/core/node';
import { linePanels, lockRunFolder, machine, versions, type LinePanel } from '@flowmap/example-common';
import { openRuntime, type CommandContext } from 'flowmap/node';
import { ellipsePanel, gaussianPanel, pathsPanel } from './closed-forms.js';
import { mixturePanel } from './mixture.js';
import { trainedPanel } from './networks.js';
import type { Curve, Panel } from './panels.js';
import type { TheoremConfig } from './settings.js';

/** The last file that a run writes. */
const METRICS = 'metrics.json';

/**
 * Computes how far the samples of consistency models and of flow maps are from the data over numbers of steps: from closed
 * forms, for perturbed exact maps, and for networks that it trains; then writes a picture, tables and all numbers. If
 * interrupted and started again with the same options, it resumes.
 *
 * @returns the run's folder
 * @throws {FolderInUseError} when another process is using the run's folder
 * @throws the signal's reason when it fires, with everything saved
 */
export async function runTheorem({ out, ...options }: TheoremConfig, context: CommandContext): Promise<string> {
  const lock = await lockRunFolder(out, METRICS);
  try {
    const { folder } = lock;
    const { steps, points } = options;
    const runtime = await openRuntime(options);
    const panels = [gaussianPanel(steps), ellipsePanel(steps), pathsPanel(steps)];
    panels.push(await mixturePanel(points, steps, context.signal));
    for (const law of ['gaussian', 'mixture'] as const) {
      panels.push(await trainedPanel(law, { ...options, folder, runtime }, context));
    }
    const tables = panels.map((panel) => tableOf(panel, steps)).join('\n\n');
    context.print(tables);
    await writeFileAtomic(join(folder, 'tables.md'), `${tables}\n`);
    const pictures = panels.map((panel) => pictured(panel, steps));
    await writeFileAtomic(join(folder, 'distances.svg'), linePanels(pictures, 'Wasserstein-2 distance', 3));
    const date = new Date().toISOString().slice(0, 10);
    const facts = { options, machine: machine(), versions: versions(), date, panels };
    await writeFileAtomic(join(folder, METRICS), `${JSON.stringify(facts, null, 2)}\n`);
    return folder;
  } finally {
    lock.release();
  }
}

function tableOf({ title, curves, floor }: Panel, steps: readonly number[]): string {
  const rows = curves.map(({ name, kind, distances, error }) => [
    name,
    kind,
    ...distances.map((distance) => distance.toFixed(5)),
    ...(error === undefined ? [] : [error.toFixed(4)]),
  ]);
  if (floor) rows.push(['the exact map', 'consistency', ...floor.map((distance) => distance.toFixed(5))]);
  const head = ['model', 'sampled as', ...steps.map(String), ...(curves[0]?.error === undefined ? [] : ['error'])];
  const rule = head.map((_, i) => (i < 2 ? '---' : '---:'));
  return [`${title}:\n`, ...[head, rule, ...rows].map((row) => `| ${row.join(' | ')} |`)].join('\n');
}

/** Consistency models are warm, flow maps blue. */
const COLOURS = {
  consistency: ['#c2410c', '#e8590c', '#f08c00', '#9c36b5', '#c2255c', '#a61e4d', '#862e9c'],
  'flow map': ['#1864ab', '#1098ad', '#2b8a3e', '#364fc7'],
} as const;

function pictured({ title, curves }: Panel, steps: readonly number[]): LinePanel {
  const lines = curves.map((curve, i) => {
    const before = curves.slice(0, i).filter(({ kind }) => kind === curve.kind).length;
    return { name: nameOf(curve), values: curve.distances, ...look(curve.kind, before) };
  });
  return { title, steps, lines };
}

function nameOf({ name, kind }: Curve): string {
  return name.includes(kind) ? name : `${kind}: ${name}`;
}

function look(kind: Curve['kind'], index: number): { colour: string; dash?: string } {
  const colours = COLOURS[kind];
  const colour = colours[index % colours.length]!;
  return kind === 'flow map' ? { colour } : { colour, dash: '5 3' };
}
