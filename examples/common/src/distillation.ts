import { ayfEmd, AYF_EMD_PRESETS, logUniformLengths, type AyfEmdPreset } from '@flowmap/objectives';
import { powerEma } from '@flowmap/train';
import type { DistillOptions } from '@flowmap/train/node';
import { choice, fraction, positive, whole, type Config } from './options.js';

const presets = Object.keys(AYF_EMD_PRESETS) as AyfEmdPreset[];

/** Options of the distillation's objective and of the weight average. */
export const DISTILLATION_OPTIONS = {
  preset: choice('settings of AYF-EMD, for what the options below leave open', presets, 'default'),
  shortestInterval: fraction("draw intervals' lengths log-uniformly from this one to 1", null),
  diagonalShare: fraction('share of the batch at s = t', null),
  warmup: whole('steps in which the tangent warm-up r rises', null),
  tangentConstant: positive('constant c of the tangent normalisation', null),
  averageWidth: positive('width of the average of the weights, relative to the steps so far, below 0.28', 0.05),
};

/** The distillation that the options describe: AYF-EMD with its settings, and how the weights are averaged. */
export function distillationOf(
  options: Config<typeof DISTILLATION_OPTIONS>,
): Pick<DistillOptions, 'objective' | 'emaDecay'> {
  const { preset, shortestInterval, diagonalShare, warmup, tangentConstant, averageWidth } = options;
  return {
    objective: ayfEmd({
      preset,
      ...(shortestInterval === null ? {} : { intervalLengths: logUniformLengths({ shortest: shortestInterval }) }),
      ...(diagonalShare === null ? {} : { diagonalShare }),
      ...(warmup === null ? {} : { warmupSteps: warmup }),
      ...(tangentConstant === null ? {} : { c: tangentConstant }),
    }),
    emaDecay: powerEma(averageWidth),
  };
}
