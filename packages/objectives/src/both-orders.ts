import type { Objective } from '@flowmap/core';
import { uniforms } from '@flowmap/tensor';

/** Directions that a flow map is trained in: from noise towards data, `s <= t`, or also back. */
export type IntervalOrders = (typeof INTERVAL_ORDERS)[number];

export const INTERVAL_ORDERS = ['down', 'both'] as const;

/**
 * Exchanges start and target in each sample with probability 1/2, drawn from a random stream of its own, so that a flow
 * map is trained from data towards noise as often as from noise towards data.
 *
 * @param draw gives `t` and `s`; whatever else it gives stays the same
 */
export function bothOrders(draw: Objective['draw']): Objective['draw'] {
  return (key, count) => {
    const { seed, step } = key;
    const { t, s, ...others } = draw(key, count);
    const [starts, targets] = [t.slice(), s.slice()];
    for (let sample = 0; sample < count; sample++) {
      if (uniforms({ seed, purpose: 'times.order', step, sample }, 1)[0]! >= 0.5) continue;
      [starts[sample], targets[sample]] = [s[sample]!, t[sample]!];
    }
    return { ...others, t: starts, s: targets };
  };
}
