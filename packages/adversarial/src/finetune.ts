import { ConfigError, type Model, type Phase, type Schedule } from '@flowmap/core';
import { requireKnownOptions, requireWhole, sameShape, type OptionNames } from '@flowmap/tensor';
import type { Augmentation } from './augmentation.js';
import type { Discriminator } from './discriminator.js';
import { relativisticPairing, type AdversarialLoss } from './losses.js';
import { requireNonNegative, requirePositive } from './internal/checks.js';
import { discriminatorPhase, penaltyPhase } from './internal/discriminator-phases.js';
import { generatorPhase } from './internal/generator-phase.js';
import type { BalanceSetting, PenaltySetting, Setting } from './internal/setting.js';

/** The penalties R1 on data and R2 on generated samples, `beta / 2 (R1 + R2)`. */
export interface PenaltyOptions {
  /** `beta`, a number >= 0 or a schedule; 0.1 unless given. */
  readonly weight?: number | Schedule;
  /** Whether to use R1; true unless given. */
  readonly real?: boolean;
  /** Whether to use R2; true unless given. */
  readonly fake?: boolean;
  /**
   * `exact`: gradients of gradients. `differences`: one more evaluation instead, which is cheaper and noisier. `exact`
   * unless given.
   */
  readonly method?: 'exact' | 'differences';
  /**
   * Steps between penalties, at least 1, which is the default. With more, the penalty is an update of its own in steps
   * 0, every, 2 every and so on, multiplied by `every`.
   */
  readonly every?: number;
  /** Step of the differences, > 0; 0.01 unless given. Refused with `exact`, which takes none. */
  readonly step?: number;
}

/** How the two losses of the generator are balanced. */
export interface BalanceOptions {
  /**
   * What is scaled by the adaptive weight: `adversarial` by the norm of the objective's gradient divided by that
   * of the adversarial one; `objective` by the inverse ratio; `nothing`. `adversarial` unless given.
   */
  readonly scales?: 'adversarial' | 'objective' | 'nothing';
  /** Parameters with respect to which the gradients are taken; those of the student's layer `output` unless given. */
  readonly lastLayer?: readonly string[];
  /** Largest weight, > 0; 1e4 unless given. Refused with `scales: 'nothing'`. */
  readonly largest?: number;
}

/** Options of {@link finetune}. */
export interface FinetuneOptions {
  /** The flow map; its parameters are those of the trainee that the objective trains. */
  readonly student: Pick<Model, 'network' | 'parametrization'>;
  /** The phase of the objective that keeps the student a flow map, usually `objectivePhase` of AYF-EMD. */
  readonly objective: Phase;
  readonly discriminator: Discriminator;
  /** Together with the step, determines noise and other draws. */
  readonly seed: number;
  /** `relativisticPairing` unless given. */
  readonly loss?: AdversarialLoss;
  /** `alpha`, the weight of the adversarial term, a number >= 0 or a schedule; 0.1 unless given. */
  readonly weight?: number | Schedule;
  /**
   * Number of sampling steps of the samples that the discriminator judges, or a range from which it is drawn for each
   * sample; with a range, every sample costs as much as the longest. 1 unless given.
   */
  readonly steps?: number | { readonly from: number; readonly to: number };
  /** R1 and R2; false for none. */
  readonly penalty?: PenaltyOptions | false;
  readonly balance?: BalanceOptions;
  /** Applied to all samples that the discriminator sees; none unless given. */
  readonly augmentation?: Augmentation;
  /** Name of the discriminator's trainee; `discriminator` unless given. */
  readonly judge?: string;
}

/**
 * The phases of an adversarial finetuning, for `train`: the discriminator's, one for penalties that are not due in
 * every step, and the generator's, whose loss is `objective + alpha w adversarial` with the adaptive weight `w`. The
 * phases are called `discriminator` (or as `judge` says), `penalty` and `generator`.
 *
 * The discriminator's phase logs `real`, `fake` and `gap` (mean logits), `accuracy`, `adversarial` (its loss without
 * penalties), `r1` and `r2`; the generator's the objective's metrics, `objectiveLoss`, `adversarial`, `balance` (`w`),
 * `objectiveGradient` and `adversarialGradient` (norms at the last layer), `diversity` and `realDiversity` (mean
 * distance between two samples in the discriminator's features).
 *
 * @throws {ConfigError} for an unknown option or one without effect, a student that is not a flow map, a discriminator
 *   for other samples or other classes, an objective with batches of fewer than 2 samples, an unknown last layer, or a
 *   number out of its range
 */
export function finetune(options: FinetuneOptions): Phase[] {
  const setting = settingOf(options);
  const { penalty } = setting;
  return [
    discriminatorPhase(setting),
    ...(penalty !== undefined && penalty.every > 1 ? [penaltyPhase(setting, penalty)] : []),
    generatorPhase(setting),
  ];
}

const OPTIONS: OptionNames<FinetuneOptions> = {
  student: true,
  objective: true,
  discriminator: true,
  seed: true,
  loss: true,
  weight: true,
  steps: true,
  penalty: true,
  balance: true,
  augmentation: true,
  judge: true,
};
const PENALTY: OptionNames<PenaltyOptions> = {
  weight: true,
  real: true,
  fake: true,
  method: true,
  every: true,
  step: true,
};

function settingOf(options: FinetuneOptions): Setting {
  requireKnownOptions('finetune', options, OPTIONS);
  const { student, objective, discriminator, seed, loss = relativisticPairing, judge = 'discriminator' } = options;
  requireWhole('finetune.seed', seed, 0);
  requireFlowMap(student);
  requireFitting(student, discriminator);
  const { batchSize } = objective;
  if (batchSize === undefined || batchSize < 2) {
    const wanted = `wanted a phase with batches of at least 2 samples, for pairs and their diversity`;
    throw new ConfigError('finetune.objective', `${wanted}, got ${batchSize ?? 'one without a batch size'}`);
  }
  const names = [judge, 'generator', 'penalty'];
  if (judge === objective.trains || names.indexOf(judge) !== names.lastIndexOf(judge)) {
    throw new ConfigError('finetune.judge', `wanted a name of its own, got '${judge}', which is another's`);
  }
  const { augmentation } = options;
  if (augmentation && !sameShape(augmentation.shape, discriminator.shape)) {
    throw new ConfigError('finetune.augmentation', notFor(augmentation.shape, discriminator.shape));
  }
  return {
    student,
    objective,
    discriminator,
    judge,
    loss,
    batchSize,
    seed,
    steps: stepsOf(options.steps ?? 1),
    weight: scheduleOf('finetune.weight', options.weight ?? 0.1),
    penalty: penaltyOf(options.penalty ?? {}),
    balance: balanceOf(student, options.balance ?? {}),
    augmentation,
  };
}

function requireFlowMap({ network }: FinetuneOptions['student']): void {
  if (network.config.interval) return;
  throw new ConfigError(
    'finetune.student',
    `wanted a flow map, got a network '${network.config.type}' without a target time`,
  );
}

function requireFitting({ network }: FinetuneOptions['student'], discriminator: Discriminator): void {
  const { name, shape, conditions } = discriminator;
  if (!sameShape(shape, network.config.shape)) {
    throw new ConfigError('finetune.discriminator', notFor(shape, network.config.shape, name));
  }
  for (const [condition, { categories }] of Object.entries(conditions)) {
    const own = Object.hasOwn(network.conditions, condition) ? network.conditions[condition] : undefined;
    if (own?.categories === categories && own !== undefined) continue;
    const wanted = `'${name}' takes '${condition}' of ${categories ?? 'any'} categories`;
    throw new ConfigError(
      'finetune.discriminator',
      `${wanted}; the student has ${own?.categories ?? 'no such condition'}`,
    );
  }
}

function notFor(got: readonly number[], wanted: readonly number[], name = ''): string {
  return `wanted one for samples [${wanted.join(', ')}], got ${name && `'${name}' `}for [${got.join(', ')}]`;
}

function stepsOf(steps: NonNullable<FinetuneOptions['steps']>): Setting['steps'] {
  const { from, to } = typeof steps === 'number' ? { from: steps, to: steps } : steps;
  requireWhole('finetune.steps', from);
  requireWhole('finetune.steps', to);
  if (from > to) throw new ConfigError('finetune.steps', `wanted from <= to, got from ${from} to ${to}`);
  return { from, to };
}

function penaltyOf(given: PenaltyOptions | false): PenaltySetting | undefined {
  if (given === false) return undefined;
  requireKnownOptions('finetune.penalty', given, PENALTY);
  const { weight = 0.1, real = true, fake = true, method = 'exact', every = 1, step = 0.01 } = given;
  if (given.step !== undefined && method === 'exact') {
    throw new ConfigError('finetune.penalty.step', "has no effect with method: 'exact', which takes no differences");
  }
  requireWhole('finetune.penalty.every', every);
  requirePositive('finetune.penalty.step', step);
  if (!real && !fake) throw new ConfigError('finetune.penalty', 'wanted R1 or R2, got neither; false is for none');
  return { weight: scheduleOf('finetune.penalty.weight', weight), real, fake, method, every, step };
}

function balanceOf({ network }: FinetuneOptions['student'], given: BalanceOptions): BalanceSetting {
  requireKnownOptions('finetune.balance', given, { scales: true, lastLayer: true, largest: true });
  const { scales = 'adversarial', largest = 1e4 } = given;
  if (given.largest !== undefined && scales === 'nothing') {
    throw new ConfigError('finetune.balance.largest', "has no effect with scales: 'nothing', where the weight is 1");
  }
  requirePositive('finetune.balance.largest', largest);
  const { parameters } = network;
  const moving = Object.keys(parameters).filter((name) => parameters[name]!.fixed !== true);
  const lastLayer = given.lastLayer ?? moving.filter((name) => /(^|\.)output\.(weight|bias)$/.test(name));
  const option = 'finetune.balance.lastLayer';
  if (lastLayer.length === 0) {
    throw new ConfigError(option, `wanted the names of parameters, as '${network.config.type}' has no layer 'output'`);
  }
  const unknown = lastLayer.find((name) => !moving.includes(name));
  if (unknown !== undefined) throw new ConfigError(option, `'${unknown}' is no parameter that training moves`);
  return { scales, lastLayer, largest };
}

function scheduleOf(option: string, given: number | Schedule): Schedule {
  if (typeof given === 'function') return given;
  requireNonNegative(option, given);
  return () => given;
}
