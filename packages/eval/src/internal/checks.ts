import { FeatureError, TooFewSamplesError } from '../errors.js';
import type { Features } from '../features.js';
import { requireSameSource } from '../protocol.js';

/**
 * Checks that two sets of features can be compared.
 *
 * @param least how many samples the metric needs on each side
 */
export function requireComparable(operation: string, generated: Features, reference: Features, least: number): void {
  requireSameSource(operation, generated.source, reference.source);
  requireSameWidth(operation, generated.width, reference.width);
  requireCount(operation, generated.count, least, 'generated');
  requireCount(operation, reference.count, least, 'reference');
}

export function requireSameWidth(operation: string, generated: number, reference: number): void {
  if (generated === reference) return;
  throw new FeatureError(
    operation,
    `generated features have the width ${generated}, those of the reference ${reference}`,
  );
}

export function requireCount(operation: string, count: number, least: number, which?: string): void {
  if (count < least) throw new TooFewSamplesError(operation, least, count, which);
}
