import { join } from 'node:path';
import { compileSampler, heun, mlp, normalBatch, uniformGrid, type Model } from '@flowmap/core';
import { writeFileAtomic } from '@flowmap/core/node';
import { lockRunFolder, machine, trainOnce, versions } from '@flowmap/example-common';
import { guidedModel, withLabelDropout } from '@flowmap/guidance';
import { flowMatching } from '@flowmap/objectives';
import { hostTensor, type HostTensor } from '@flowmap/tensor';
import { trainVelocityField } from '@flowmap/train/node';
import { interruptible, openRuntime, printData, type CommandContext } from 'flowmap/node';
import { branching } from './branches.js';
import { judge, type Judgement } from './judge.js';
import { scatter } from './scatter.js';
import type { GuidanceConfig } from './settings.js';

/** The last file that a run writes. */
const METRICS = 'metrics.json';

/** Scales of guidance in the table; 1 is none. */
const SCALES = [1, 1.5, 2, 3, 4];

/** Share of the labels that are dropped in training, as classifier-free guidance requires. */
const DROPPED = 0.1;

/** Samples of a method at a scale, and how they were judged. */
interface Row extends Judgement {
  readonly method: 'classifier-free' | 'autoguidance';
  readonly scale: number;
}

/**
 * Trains a strong and a weak model on two trees of thin branches, samples them without guidance, with classifier-free
 * guidance and with autoguidance, and writes a picture and a table. If interrupted and started again with the same
 * options, it resumes.
 *
 * @returns the run's folder
 * @throws {FolderInUseError} when another process is using the run's folder
 * @throws the signal's reason when it fires, with everything saved
 */
export async function runGuidance(config: GuidanceConfig, context: CommandContext): Promise<string> {
  const lock = await lockRunFolder(config.out, METRICS);
  try {
    await compare(lock.folder, config, context);
    return lock.folder;
  } finally {
    lock.release();
  }
}

async function compare(folder: string, { out: _, ...options }: GuidanceConfig, context: CommandContext): Promise<void> {
  const { width, depth, iterations, weakWidth, weakDepth, weakIterations, points: count, seed } = options;
  const { signal, print, progress = 'auto' } = context;
  const runtime = await openRuntime(options);
  const data = branching(seed);
  const labelled = withLabelDropout(data, { share: DROPPED, seed });
  await printData(labelled, context);
  const trained = async (name: string, size: { width: number; depth: number; iterations: number }): Promise<Model> => {
    const { batchSize, learningRate } = options;
    const out = join(folder, name);
    const settings = { ...size, batchSize, learningRate, seed };
    const network = mlp({ shape: [2], width: size.width, depth: size.depth, classes: labelled.classes.length });
    const onData = (): void => undefined; // shown above
    const common = { runtime, data: labelled, network, objective: flowMatching(), batchSize, learningRate, seed };
    const result = await trainOnce(out, 'teacher.safetensors', settings, () =>
      trainVelocityField({ ...common, iterations: size.iterations, signal, progress, onData, out, config: settings }),
    );
    if (result === undefined) throw signal.reason;
    return result.model;
  };
  const strong = await trained('strong', { width, depth, iterations });
  const weak = await trained('weak', { width: weakWidth, depth: weakDepth, iterations: weakIterations });

  const labels = Int32Array.from({ length: count }, (_, i) => i % data.classes.length);
  const noise = hostTensor([count, 2], normalBatch({ seed, purpose: 'evaluation' }, [count, 2]));
  const methods = {
    'classifier-free': guidedModel({ strong, nullClass: 'none', scale: 'guidance' }),
    autoguidance: guidedModel({ strong, weak, scale: 'guidance' }),
  };
  const rows: Row[] = [];
  const samples = new Map<string, HostTensor>();
  for (const method of ['classifier-free', 'autoguidance'] as const) {
    const sampler = heun();
    const compiled = await compileSampler(interruptible(runtime, signal), methods[method], { sampler, batchSize: 500 });
    for (const scale of new Set([...SCALES, options.scale])) {
      const conditions = { label: labels, guidance: new Float32Array(count).fill(scale) };
      const points = await compiled.sample({ noise, times: uniformGrid(options.steps), conditions });
      rows.push({ method, scale, ...judge(data, points, labels) });
      samples.set(`${method} ${scale}`, points);
    }
    await compiled.dispose();
  }
  const drawn = await data.batch(Array.from({ length: count }, (_, i) => i));
  const own = { points: hostTensor([count, 2], drawn.x), labels: drawn.conditions['label'] as Int32Array };
  const shown = ['autoguidance 1', `classifier-free ${options.scale}`, `autoguidance ${options.scale}`];
  const panels = [own, ...shown.map((name) => ({ points: samples.get(name)!, labels }))];
  await writeFileAtomic(join(folder, 'picture.png'), await scatter(panels));
  const table = tableOf({ ...judge(data, own.points, own.labels) }, rows);
  print(table);
  await writeFileAtomic(join(folder, 'table.md'), `${table}\n`);
  const facts = {
    options,
    machine: machine(),
    versions: versions(),
    date: new Date().toISOString().slice(0, 10),
    rows,
  };
  await writeFileAtomic(join(folder, METRICS), `${JSON.stringify(facts, null, 2)}\n`);
}

function tableOf(data: Judgement, rows: readonly Row[]): string {
  const cells = ({ outliers, lost, worst, moved }: Judgement): string[] => [
    `${(100 * outliers).toFixed(1)} %`,
    String(lost),
    worst.toFixed(2),
    moved.toFixed(3),
  ];
  const lines = rows
    .filter(({ method, scale }) => scale !== 1 || method === 'autoguidance')
    .map((row) => [row.scale === 1 ? 'none' : row.method, String(row.scale), ...cells(row)]);
  const all = [['data', '', ...cells(data)], ...lines];
  return [
    '| guidance | λ | outliers | lost branches | worst coverage | moved |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...all.map((line) => `| ${line.join(' | ')} |`),
  ].join('\n');
}
