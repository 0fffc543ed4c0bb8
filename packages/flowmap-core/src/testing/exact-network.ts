import { full } from '@flowmap/tensor';
import { classConditions } from '../conditions.js';
import { gaussianFlowMap, gaussianVelocity, mixtureFlowMap, mixtureVelocity } from '../closed-forms.js';
import type { Model } from '../models/model.js';
import { defineNetwork } from '../networks/network.js';
import { perSample } from '../path.js';
import type { Network } from '../plugins.js';

/** Standard deviation of normal data, in each class. */
const STD = 0.5;

const MIXTURE = { weights: [0.3, 0.7], means: [-1, 1.2], stds: [0.3, 0.5] };

/**
 * The velocity of normal data is linear in the points, for which some methods exceed their order; that of a mixture is
 * not.
 */
const laws = {
  normal: { map: gaussianFlowMap({ std: STD }), field: gaussianVelocity({ std: STD }) },
  mixture: { map: mixtureFlowMap(MIXTURE), field: mixtureVelocity(MIXTURE) },
};

/** Number of values in a sample. */
export const SIZE = 2;

/** How far the data of each class is moved; the mean of normal data. */
export const SHIFTS = [0, 1.5] as const;

/**
 * A model with an exact network without parameters: the flow map, or the velocity field, of two classes of data, where
 * one is the other shifted.
 */
export function exactModel(interval: boolean, law: keyof typeof laws = 'normal'): Model {
  const { map, field } = laws[law];
  const config = { type: 'exact', shape: [SIZE], interval };
  const conditions = classConditions(SHIFTS.length);
  const apply: Network['apply'] = (_, { x, t, s, conditions }) => {
    // Shifting the data by m shifts the path by (1 - t) m, and its velocity by -m.
    const shift = perSample(conditions!['label']!.cast('float32').mul(SHIFTS[1]), x);
    const centred = x.sub(full(1).sub(perSample(t, x)).mul(shift));
    return (s ? map.averageVelocity(centred, t, s) : field.velocity({}, { x: centred, t })).sub(shift);
  };
  const network = defineNetwork(config, {}, apply, { conditions });
  return { kind: interval ? 'flowMap' : 'velocity', network, params: {}, classes: ['here', 'moved'] };
}

/** Standard deviation of the points at time t for normal data. */
export function spreadAt(t: number): number {
  return Math.hypot((1 - t) * STD, t);
}
