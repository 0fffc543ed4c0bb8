import { ProtocolError } from './errors.js';
import type { FeatureSource, Features } from './features.js';
import { hashOf } from './internal/sha256.js';

/** Raised when a metric gives other numbers for the same samples than before. */
export const PROTOCOL_VERSION = 1;

/** How a number was measured: all that it depends on besides the samples themselves. */
export interface Protocol extends FeatureSource {
  /** The metric with its parameters: `precision(k=3)`. */
  readonly metric: string;
  /** Number of generated samples. */
  readonly samples: number;
  /** Hash of what they were compared with; null for a metric without a reference. */
  readonly reference: string | null;
  /** Seed of what the metric draws; null for one that draws nothing. */
  readonly seed: number | null;
  readonly version: number;
}

/** A number with its protocol. */
export interface MetricResult {
  readonly value: number;
  /** Standard deviation over the metric's subsets or splits, of metrics that have them. */
  readonly std?: number;
  readonly protocol: Protocol;
}

/** What {@link compare} says. */
export interface Comparison {
  /** The first value minus the second. */
  readonly difference: number;
  /** Fields of the protocol that differ; none unless it was forced. */
  readonly fields: readonly string[];
}

/** The protocol of a metric on generated features, compared with what has the given hash. */
export function protocolOf(
  metric: string,
  { source, count }: { readonly source: FeatureSource; readonly count: number },
  { reference = null, seed = null }: { readonly reference?: string | null; readonly seed?: number | null } = {},
): Protocol {
  const { extractor, weights, resize } = source;
  return { metric, extractor, weights, resize, samples: count, reference, seed, version: PROTOCOL_VERSION };
}

/**
 * A protocol in one line, which stands beside the number wherever that is written:
 * `frechet-distance extractor=random-convolution@1f0c4a2b resize=none n=1000 reference=94be01aa seed=- v1`, with the first eight digits
 * of hashes.
 */
export function protocolText(protocol: Protocol): string {
  const { metric, extractor, weights, resize, samples, reference, seed, version } = protocol;
  const network = weights === null ? extractor : `${extractor}@${weights.slice(0, 8)}`;
  const against = reference === null ? '-' : reference.slice(0, 8);
  return `${metric} extractor=${network} resize=${resize} n=${samples} reference=${against} seed=${seed ?? '-'} v${version}`;
}

/**
 * Compares two numbers that were measured in the same way.
 *
 * @param options.force true to compare those of different protocols too
 * @throws {ProtocolError} for different protocols, naming what differs
 */
export function compare(a: MetricResult, b: MetricResult, { force = false } = {}): Comparison {
  const fields = (Object.keys(a.protocol) as (keyof Protocol)[]).filter((key) => a.protocol[key] !== b.protocol[key]);
  if (fields.length > 0 && !force) {
    const texts = `'${protocolText(a.protocol)}' and '${protocolText(b.protocol)}'`;
    const advice = 'measure both in the same way, or pass { force: true }';
    throw new ProtocolError('compare', fields, `the protocols differ in ${fields.join(', ')}: ${texts}; ${advice}`);
  }
  return { difference: a.value - b.value, fields };
}

/** Hash of features, for the protocols of what is compared with them. */
export function hashOfFeatures({ values, width }: Features): string {
  return hashOf(Int32Array.of(width), values);
}

/** Throws a {@link ProtocolError} when features of two sources are compared. */
export function requireSameSource(operation: string, generated: FeatureSource, reference: FeatureSource): void {
  const keys = ['extractor', 'weights', 'resize'] as const;
  const fields = keys.filter((key) => generated[key] !== reference[key]);
  if (fields.length === 0) return;
  const texts = fields.map((key) => `${key} is ${generated[key] ?? 'unknown'} and ${reference[key] ?? 'unknown'}`);
  const advice = 'extract both in the same way';
  throw new ProtocolError(operation, fields, `generated and reference features differ: ${texts.join(', ')}; ${advice}`);
}
