import { ConfigError, hostTensor, type Phase, type Progress } from '@flowmap/core';
import { full, gradients, stopGradient, type Tensor, type Tensors } from '@flowmap/tensor';
import { judgedFeeds, judgedInputs, judgedSamples } from './judged-samples.js';
import { meanPairwiseDistance, normOf } from './measures.js';
import type { BalanceSetting, Setting } from './setting.js';

/** Avoids division by zero in the adaptive weight. */
const EPSILON = 1e-8;

/**
 * The phase that trains the generator: the objective's phase with the adversarial term added,
 * `objective + alpha w adversarial`.
 */
export function generatorPhase(setting: Setting): Phase {
  const { objective, judge, loss, balance } = setting;
  const { trains, reads = [] } = objective;
  const name = 'generator';
  const scalars = (progress: Progress): Record<string, number> => ({ weight: setting.weight(progress) });
  return {
    ...objective,
    name,
    reads: [...reads, judge],
    watch: 'adversarial',
    inputs: { ...objective.inputs, ...judgedInputs(setting), adversarialWeight: [] },
    feeds: (progress, batch) => ({
      ...objective.feeds(progress, batch),
      ...judgedFeeds(setting, name, progress, batch),
      adversarialWeight: hostTensor([], Float64Array.of(setting.weight(progress))),
    }),
    scalars: (progress) => ({ ...objective.scalars?.(progress), ...scalars(progress) }),
    trace(context) {
      const { inputs, groups } = context;
      const regulariser = objective.trace(context);
      const samples = judgedSamples(setting, groups[trains]!, inputs);
      const real = samples.judge(groups[judge]!, samples.real, 'real');
      const fake = samples.judge(groups[judge]!, samples.fake, 'fake');
      const adversarial = loss.generator(real.logits, fake.logits);

      // The student affects the term only through its samples: one pass through the discriminator gives the slope, and
      // `<slope, samples>` has the term's gradient with respect to the student, for the weight and for the update.
      const [slope] = gradients(adversarial, [samples.fake]);
      const pull = stopGradient(slope!).mul(samples.fake).sum();
      const norms = lastLayerNorms(balance, groups[trains]!, { objective: regulariser.loss, adversarial: pull });
      const weight = balanceOf(balance, norms);
      const term = stopGradient(adversarial)
        .add(pull.sub(stopGradient(pull)))
        .mul(inputs['adversarialWeight']!);
      const total =
        balance.scales === 'objective'
          ? regulariser.loss.mul(weight).add(term)
          : regulariser.loss.add(term.mul(weight));
      return {
        loss: total,
        metrics: distinct(regulariser.metrics, {
          objectiveLoss: regulariser.loss,
          adversarial,
          balance: weight,
          objectiveGradient: norms.objective,
          adversarialGradient: norms.adversarial,
          diversity: meanPairwiseDistance(fake.features),
          realDiversity: meanPairwiseDistance(real.features),
        }),
      };
    },
  };
}

type Norms = Readonly<Record<'objective' | 'adversarial', Tensor>>;

/** Norms of the two gradients with respect to the parameters of the last layer. */
function lastLayerNorms({ lastLayer }: BalanceSetting, params: Tensors, losses: Norms): Norms {
  const layer = lastLayer.map((name) => params[name]!);
  const norm = (loss: Tensor): Tensor => stopGradient(normOf(gradients(loss, layer)));
  return { objective: norm(losses.objective), adversarial: norm(losses.adversarial) };
}

/** The adaptive weight: the ratio of the norms, constant in the loss (VQGAN: Esser, Rombach, Ommer 2021). */
function balanceOf({ scales, largest }: BalanceSetting, { objective, adversarial }: Norms): Tensor {
  if (scales === 'nothing') return full(1);
  const [above, below] = scales === 'adversarial' ? [objective, adversarial] : [adversarial, objective];
  return stopGradient(above.div(below.add(EPSILON)).minimum(largest));
}

function distinct(metrics: Tensors, own: Tensors): Tensors {
  const taken = Object.keys(own).find((name) => Object.hasOwn(metrics, name));
  if (taken === undefined) return { ...metrics, ...own };
  throw new ConfigError('finetune.objective', `it has a metric '${taken}', a name that the generator's phase uses`);
}
