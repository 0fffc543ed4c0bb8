import {
  compileSampler,
  ConfigError,
  type CompileSamplerOptions,
  type Model,
  type SampleArguments,
  type Sampler,
} from '@flowmap/core';
import { requireKnownOptions, type HostTensor, type Runtime } from '@flowmap/tensor';
import { guidedModel } from './guided-model.js';

/** A weak model at a scale, and how good the samples guided by it are. */
export interface RankedGuidance {
  /** Name of the weak model; undefined at λ = 1, where it has no effect. */
  readonly weak?: string;
  /** λ. */
  readonly scale: number;
  /** What `score` returned; less is better. */
  readonly score: number;
}

/** Options of {@link rankWeakModels}. */
export interface RankWeakModelsOptions extends Pick<SampleArguments, 'noise' | 'times' | 'seed'> {
  readonly strong: Model;
  /** The candidates by name: smaller models, earlier snapshots, other averages, `noisyWeights(strong, …)`. */
  readonly weak: Readonly<Record<string, Model>>;
  /** The λ to try, finite; 1 is always tried, once. */
  readonly scales: readonly number[];
  /** Times `[from, to]` at which λ applies, as in `autoguidance`; all times unless given. */
  readonly interval?: readonly [from: number, to: number];
  readonly runtime: Runtime;
  /** Labels and other conditions of the samples, without that of the scale; none unless given. */
  readonly conditions?: SampleArguments['conditions'];
  /** Samples per run; as many as the noise has, but at most 256, unless given. */
  readonly batchSize?: CompileSamplerOptions['batchSize'];
  /** As for `compileSampler`. */
  readonly sampler?: Sampler;
  /** Judges samples, such as a Fréchet distance: less is better, NaN is worst. */
  readonly score: (samples: HostTensor) => number | Promise<number>;
  /** Called with each result as it comes. */
  readonly onScore?: (result: RankedGuidance) => void;
}

/** What {@link rankWeakModels} found. */
export interface WeakModelRanking {
  /** All results, the best first; among equal ones, the one tried first comes first. */
  readonly results: readonly RankedGuidance[];
  readonly best: RankedGuidance;
  /** The results as a table in Markdown, a row for each weak model and a column for each scale. */
  readonly table: string;
}

/** The condition that gives a sampler the scale. */
const SCALE = 'guidance_scale';

/**
 * Tries weak models over a grid of guidance scales: samples with each pair from the same noises, scores the samples and
 * ranks the pairs. Each weak model is compiled once.
 *
 * @throws {ConfigError} without a weak model or a scale, for a scale that is not finite, or a weak model that cannot
 *   guide the strong one
 *
 * @example
 * const { best, table } = await rankWeakModels({ strong, weak: { small, early }, scales: [1.5, 2, 3], ...sampling, score });
 */
export async function rankWeakModels(options: RankWeakModelsOptions): Promise<WeakModelRanking> {
  requireKnownOptions('rankWeakModels', options, {
    strong: true,
    weak: true,
    scales: true,
    interval: true,
    runtime: true,
    conditions: true,
    batchSize: true,
    sampler: true,
    score: true,
    onScore: true,
    times: true,
    noise: true,
    seed: true,
  });
  const { strong, weak, runtime, noise, times, seed, conditions = {}, interval, sampler, score, onScore } = options;
  const guided = Object.entries(weak).map(([name, model]) => {
    return [name, guidedModel({ strong, weak: model, scale: SCALE, ...(interval ? { interval } : {}) })] as const;
  });
  if (guided.length === 0) throw new ConfigError('rankWeakModels.weak', 'wanted one or more models by name, got none');
  const wrong = options.scales.find((scale) => !Number.isFinite(scale));
  if (options.scales.length === 0 || wrong !== undefined) {
    throw new ConfigError('rankWeakModels.scales', `wanted one or more finite numbers, got ${wrong ?? 'none'}`);
  }
  const scales = [...new Set(options.scales)].filter((scale) => scale !== 1).sort((a, b) => a - b);
  const [count = 0] = noise.shape;
  const { batchSize = Math.min(count, 256) } = options;
  const results: RankedGuidance[] = [];
  for (const [i, [name, model]] of guided.entries()) {
    const compiled = await compileSampler(runtime, model, { batchSize, ...(sampler ? { sampler } : {}) });
    try {
      for (const scale of i === 0 ? [1, ...scales] : scales) {
        const told = { ...conditions, [SCALE]: new Float32Array(count).fill(scale) };
        const given = { noise, times, conditions: told, ...(seed === undefined ? {} : { seed }) };
        const value = await score(await compiled.sample(given));
        const result = { ...(scale === 1 ? {} : { weak: name }), scale, score: value };
        results.push(result);
        onScore?.(result);
      }
    } finally {
      await compiled.dispose();
    }
  }
  const ranked = [...results].sort((a, b) => rankOf(a) - rankOf(b) || 0);
  return { results: ranked, best: ranked[0]!, table: tableOf(Object.keys(weak), [1, ...scales], results) };
}

function rankOf({ score }: RankedGuidance): number {
  return Number.isNaN(score) ? Infinity : score;
}

function tableOf(names: readonly string[], scales: readonly number[], results: readonly RankedGuidance[]): string {
  const cell = (name: string, scale: number): string => {
    const found = results.find((result) => result.scale === scale && (scale === 1 || result.weak === name));
    return found!.score.toPrecision(4);
  };
  const rows = names.map((name) => `| ${[name, ...scales.map((scale) => cell(name, scale))].join(' | ')} |`);
  const head = `| weak model | ${scales.map((scale) => `λ = ${scale}`).join(' | ')} |`;
  return [head, `| --- |${scales.map(() => ' ---: |').join('')}`, ...rows].join('\n');
}
