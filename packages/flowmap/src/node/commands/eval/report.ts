import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { LogRecord } from '@flowmap/core';
import type { Facts, ReportSection } from '@flowmap/eval';
import { pathArgument, pathOr, type Config } from '../../command-line/options.js';
import { answering, type Answer, type Talk } from '../command.js';
import { fieldsOf, inspectRun, readLog } from '../inspect-run.js';
import type { Fields } from '../shown-network.js';
import { isFolder } from '../open-model.js';
import { describedObjective } from './described-objective.js';
import { readResults, type Results } from './results.js';

const REPORT_OPTIONS = {
  path: pathArgument('the folder of a run, finished or not, or results of `flowmap eval metrics --out`'),
  results: pathOr('more results to set side by side, separated by commas', 'FILE', null),
  out: pathOr('page to write; report.html in the folder of the run, or beside the results, unless given', 'FILE', null),
};

/** `flowmap eval report`: a page of a run and its results. */
export const report = answering({
  name: 'flowmap eval report',
  description: 'Writes a page of how a run learned and of how its samples measure, from the files that it left.',
  options: REPORT_OPTIONS,
  resumes: false,
  run: writeReport,
});

async function writeReport({ path, results, out }: Config<typeof REPORT_OPTIONS>, talk: Talk): Promise<Answer> {
  const { writeFileAtomic } = await import('@flowmap/core/node');
  const { renderReport } = await import('@flowmap/eval');
  const isRun = await isFolder(path);
  const files = [...(isRun ? [] : [path]), ...(results === null ? [] : results.split(','))];
  const measured: [string, Results][] = [];
  for (const file of files) measured.push([file, await readResults(file)]);
  const sections = [...(isRun ? await sectionsOfRun(path) : []), ...(await sectionsOfResults(measured))];
  const page = out ?? (isRun ? join(path, 'report.html') : `${path.replace(/\.json$/, '')}.html`);
  const lead = isRun ? 'What the run has left so far: its settings, its log and its results.' : 'Results side by side.';
  await writeFileAtomic(page, renderReport({ title: basename(path), lead, sections }));
  talk.print(`${page}: ${sections.map(({ title }) => title).join(', ')}`);
  return { out: page, sections: sections.map(({ title }) => title) };
}

async function sectionsOfRun(folder: string): Promise<ReportSection[]> {
  const { CheckpointError } = await import('@flowmap/core');
  const { evaluationSection, finetuningSection, objectiveSection } = await import('@flowmap/eval');
  const log = await recordsOf(folder);
  const evaluated = evaluationSection(log);
  const curves = evaluated ? [evaluated] : [];
  if (!existsSync(join(folder, 'config.json'))) {
    if (log.length > 0) return [finetuningSection(log), ...curves];
    throw new CheckpointError(
      folder,
      'is not the folder of a run: it has no config.json and no log.jsonl; give one, or a file of results',
    );
  }
  const { kind, finished, step, iterations, batchSize, seed, ...run } = await inspectRun(folder);
  const finetuning = await recordsOf(join(folder, 'finetuning'));
  return [
    objectiveSection({
      title: 'How it learned',
      objective: await describedObjective(run['objective']),
      log,
      role: kind === 'flow map' ? 'student' : 'teacher',
    }),
    ...curves,
    ...(finetuning.length > 0 ? [finetuningSection(finetuning)] : []),
    {
      title: 'The run',
      facts: [
        {
          'trains a': String(kind),
          steps: `${String(step)} of ${String(iterations)}${finished === true ? '' : ', not finished'}`,
          'batch size': String(batchSize),
          seed: String(seed),
        },
        plain(fieldsOf(run['data'])),
        plain(fieldsOf(run['network'])),
      ],
    },
  ];
}

async function recordsOf(folder: string): Promise<LogRecord[]> {
  return (await readLog(folder)) as unknown as LogRecord[];
}

function plain(fields: Fields): Facts {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (Array.isArray(value)) return [name, value.join(', ')];
      return [name, typeof value === 'string' ? value : JSON.stringify(value)];
    }),
  );
}

/** A table, each of whose rows holds values with the same protocol so that they can be compared, and the protocols. */
async function sectionsOfResults(measured: readonly (readonly [string, Results])[]): Promise<ReportSection[]> {
  if (measured.length === 0) return [];
  const { protocolText } = await import('@flowmap/eval');
  const rows = new Map<string, { label: string; protocol: string; cells: string[] }>();
  for (const [column, [, results]] of measured.entries()) {
    for (const [metric, { value, std, protocol }] of Object.entries(results)) {
      const text = protocolText(protocol);
      const key = `${metric} ${text}`;
      if (!rows.has(key)) {
        rows.set(key, { label: metric, protocol: text, cells: measured.map(() => '–') });
      }
      rows.get(key)!.cells[column] = `${value.toPrecision(5)}${std === undefined ? '' : ` ± ${std.toPrecision(2)}`}`;
    }
  }
  const all = [...rows.values()].sort((a, b) => a.label.localeCompare(b.label));
  return [
    {
      title: 'Results',
      text: 'Values of one row were measured in the same way and compare; rows of one name were measured in different ways.',
      table: { columns: measured.map(([file]) => ({ title: basename(file) })), rows: all },
      facts: all.map(({ label, protocol }) => ({ metric: label, protocol })),
    },
  ];
}
