import { requireKnownOptions } from '@flowmap/tensor';
import { ProtocolError } from './errors.js';
import type { FeatureSource, Features } from './features.js';
import { hashOf, quickHashOf } from './internal/sha256.js';

/** Incremented whenever a metric gives different values for the same samples. */
export const PROTOCOL_VERSION = 1;

/** How a value was measured: everything it depends on besides the samples themselves. */
export interface Protocol extends FeatureSource {
  /** The metric with its parameters: `precision(k=3)`. */
  readonly metric: string;
  /** Number of generated samples. */
  readonly samples: number;
  /** Hash of the reference; null for a metric without one. */
  readonly reference: string | null;
  /** Seed of the metric's random draws; null if it draws nothing. */
  readonly seed: number | null;
  readonly version: number;
}

/** A value with its protocol. */
export interface MetricResult {
  readonly value: number;
  /** Standard deviation over the metric's subsets or splits, for metrics that have them. */
  readonly std?: number;
  readonly protocol: Protocol;
}

/** Result of {@link compare}. */
export interface Comparison {
  /** The first value minus the second. */
  readonly difference: number;
  /** Fields of the protocol that differ; none unless the comparison was forced. */
  readonly fields: readonly string[];
}

/** The protocol of a metric on generated features, compared with a reference of the given hash. */
export function protocolOf(
  metric: string,
  { source, count }: { readonly source: FeatureSource; readonly count: number },
  { reference = null, seed = null }: { readonly reference?: string | null; readonly seed?: number | null } = {},
): Protocol {
  const { extractor, weights, resize } = source;
  return { metric, extractor, weights, resize, samples: count, reference, seed, version: PROTOCOL_VERSION };
}

/**
 * A protocol in one line, to be written beside the value:
 * `frechet-distance extractor=random-convolution@1f0c4a2b resize=none n=1000 reference=94be01aa seed=- v1`, with the
 * first eight digits of each hash.
 */
export function protocolText(protocol: Protocol): string {
  const { metric, extractor, weights, resize, samples, reference, seed, version } = protocol;
  const network = weights === null ? extractor : `${extractor}@${weights.slice(0, 8)}`;
  const against = reference === null ? '-' : reference.slice(0, 8);
  return `${metric} extractor=${network} resize=${resize} n=${samples} reference=${against} seed=${seed ?? '-'} v${version}`;
}

/**
 * Compares two values that were measured in the same way.
 *
 * @param options.force whether to compare values with different protocols too
 * @throws {ProtocolError} for different protocols, naming the fields that differ
 */
export function compare(a: MetricResult, b: MetricResult, options: { readonly force?: boolean } = {}): Comparison {
  requireKnownOptions('compare', options, { force: true });
  const { force = false } = options;
  const fields = (Object.keys(a.protocol) as (keyof Protocol)[]).filter((key) => a.protocol[key] !== b.protocol[key]);
  if (fields.length > 0 && !force) {
    const texts = `'${protocolText(a.protocol)}' and '${protocolText(b.protocol)}'`;
    const advice = 'measure both in the same way, or pass { force: true }';
    throw new ProtocolError('compare', fields, `the protocols differ in ${fields.join(', ')}: ${texts}; ${advice}`);
  }
  return { difference: a.value - b.value, fields };
}

/** Hash of features, for the protocol of a comparison with them. */
export function hashOfFeatures({ values, width }: Features): string {
  return hashOf(Int32Array.of(width), values);
}

/** {@link hashOfFeatures} by the platform's own code, where available. */
export function quickHashOfFeatures({ values, width }: Features): Promise<string> {
  return quickHashOf(Int32Array.of(width), values);
}

/** Throws a {@link ProtocolError} when features from different sources are compared. */
export function requireSameSource(operation: string, generated: FeatureSource, reference: FeatureSource): void {
  const keys = ['extractor', 'weights', 'resize'] as const;
  const fields = keys.filter((key) => generated[key] !== reference[key]);
  if (fields.length === 0) return;
  const texts = fields.map((key) => `${key} is ${generated[key] ?? 'unknown'} and ${reference[key] ?? 'unknown'}`);
  const advice = 'extract both in the same way';
  throw new ProtocolError(operation, fields, `generated and reference features differ: ${texts.join(', ')}; ${advice}`);
}
