import type { Shape } from '@flowmap/tensor';
import { isRecord } from '../internal/json.js';

/** Options that a network may leave out. */
export interface Extras {
  readonly conditions?: Readonly<Record<string, Shape>> | undefined;
  readonly dropout?: number | undefined;
}

/**
 * The options that are not at their defaults, so a configuration without them, and its file, are the same as before
 * these options existed.
 */
export function extras({ conditions, dropout }: Extras): {
  conditions?: Readonly<Record<string, Shape>>;
  dropout?: number;
} {
  const none = conditions === undefined || (isRecord(conditions) && Object.keys(conditions).length === 0);
  return { ...(none ? {} : { conditions }), ...(dropout === undefined || dropout === 0 ? {} : { dropout }) };
}
