import type { Shape } from '@flowmap/tensor';
import { isRecord } from '../internal/json.js';

/** Options that not every network of a type has. */
export interface Extras {
  readonly conditions?: Readonly<Record<string, Shape>> | undefined;
  readonly dropout?: number | undefined;
  readonly intervalBlocks?: number | undefined;
}

/** The options that say something: a configuration without them is what it was before they existed, and so is its file. */
export function extras({ conditions, dropout, intervalBlocks }: Extras): {
  conditions?: Readonly<Record<string, Shape>>;
  dropout?: number;
  intervalBlocks?: number;
} {
  const none = conditions === undefined || (isRecord(conditions) && Object.keys(conditions).length === 0);
  return {
    ...(none ? {} : { conditions }),
    ...(dropout === undefined || dropout === 0 ? {} : { dropout }),
    ...(intervalBlocks === undefined ? {} : { intervalBlocks }),
  };
}
