import { hostTensor, normalBatch, type Batch, type Phase, type PhaseContext, type Progress } from '@flowmap/core';
import { sizeOf, stopGradient, type HostTensors, type SpecLike, type Tensor, type Tensors } from '@flowmap/tensor';
import type { Judgement } from '../discriminator.js';
import { squaredDifference, squaredGradientNorm } from '../penalties.js';
import { judgedFeeds, judgedInputs, judgedSamples, type JudgedSamples } from './judged-samples.js';
import type { PenaltySetting, Setting } from './setting.js';

type Side = 'real' | 'fake';

/** The phase that trains the discriminator, with the penalty if it is due in every step. */
export function discriminatorPhase(setting: Setting): Phase {
  const { loss, judge } = setting;
  const penalty = setting.penalty?.every === 1 ? setting.penalty : undefined;
  return phaseOf(setting, { name: judge, every: 1, penalty }, (samples, params, inputs) => {
    const judged = judgementsOf(samples, params);
    const [real, fake] = [judged.real.logits, judged.fake.logits];
    const adversarial = loss.discriminator(real, fake);
    const penalised = penalty && penaltiesOf(penalty, samples, { judged, params, inputs });
    return {
      loss: penalised ? adversarial.add(penalised.loss) : adversarial,
      metrics: {
        adversarial,
        real: real.mean(),
        fake: fake.mean(),
        gap: real.sub(fake).mean(),
        accuracy: loss.accuracy(real, fake),
        ...penalised?.metrics,
      },
    };
  });
}

/**
 * The phase of a penalty that is not due in every step, with a factor that makes up for those left out (lazy
 * regularisation: Karras et al. 2020).
 */
export function penaltyPhase(setting: Setting, penalty: PenaltySetting): Phase {
  const { every } = penalty;
  return phaseOf(setting, { name: 'penalty', every, penalty }, (samples, params, inputs) => {
    const { loss, metrics } = penaltiesOf(penalty, samples, { params, inputs });
    return { loss: loss.mul(every), metrics };
  });
}

type Trace = (samples: JudgedSamples, params: Tensors, inputs: Tensors) => { loss: Tensor; metrics: Tensors };

function phaseOf(
  setting: Setting,
  { name, every, penalty }: { name: string; every: number; penalty: PenaltySetting | undefined },
  trace: Trace,
): Phase {
  const { judge, objective, student, batchSize } = setting;
  const scalars = (progress: Progress): Record<string, number> =>
    penalty === undefined ? {} : { penaltyWeight: penalty.weight(progress) };
  return {
    name,
    trains: judge,
    reads: [objective.trains],
    every,
    batchSize,
    inputs: {
      ...judgedInputs(setting),
      ...(penalty === undefined ? {} : { penaltyWeight: [] }),
      ...Object.fromEntries(
        noisySides(penalty).map((side): [string, SpecLike] => [
          noiseOf(side),
          [batchSize, ...student.network.config.shape],
        ]),
      ),
    },
    feeds: (progress, batch) => ({
      ...judgedFeeds(setting, name, progress, batch),
      ...Object.fromEntries(
        Object.entries(scalars(progress)).map(([key, value]) => [key, hostTensor([], Float64Array.of(value))]),
      ),
      ...penaltyNoise(setting, { name, penalty }, progress, batch),
    }),
    scalars,
    trace({ inputs, groups }: PhaseContext) {
      const samples = judgedSamples(setting, groups[objective.trains]!, inputs);
      // Only the discriminator learns from this loss, and penalties differentiate with respect to the
      // samples themselves.
      return trace({ ...samples, fake: stopGradient(samples.fake) }, groups[judge]!, inputs);
    },
  };
}

function judgementsOf(samples: JudgedSamples, params: Tensors): Record<Side, Judgement> {
  const { real, fake } = samples;
  return { real: samples.judge(params, real, 'real'), fake: samples.judge(params, fake, 'fake') };
}

/** `beta / 2 (R1 + R2)`, with R1 and R2 to log. */
function penaltiesOf(
  penalty: PenaltySetting,
  samples: JudgedSamples,
  { params, inputs, judged }: { params: Tensors; inputs: Tensors; judged?: Record<Side, Judgement> },
): { loss: Tensor; metrics: Tensors } {
  const metrics: Record<string, Tensor> = {};
  for (const side of sidesOf(penalty)) {
    const x = samples[side];
    const logitsAt = (x: Tensor): Tensor => samples.judge(params, x, side).logits;
    const logits = judged?.[side].logits ?? logitsAt(x);
    const squares =
      penalty.method === 'exact'
        ? squaredGradientNorm(logits, x)
        : squaredDifference(logitsAt, { logits, x, noise: inputs[noiseOf(side)]!, step: penalty.step });
    metrics[side === 'real' ? 'r1' : 'r2'] = squares.mean();
  }
  const sum = Object.values(metrics).reduce((a, b) => a.add(b));
  return { loss: sum.mul(inputs['penaltyWeight']!).mul(0.5), metrics };
}

const sidesOf = (penalty: PenaltySetting): Side[] => (['real', 'fake'] as const).filter((side) => penalty[side]);

const noisySides = (penalty: PenaltySetting | undefined): Side[] =>
  penalty?.method === 'differences' ? sidesOf(penalty) : [];

const noiseOf = (side: Side): string => `penaltyNoise.${side}`;

function penaltyNoise(
  { seed, student }: Setting,
  { name, penalty }: { name: string; penalty: PenaltySetting | undefined },
  { step }: Progress,
  batch: Batch,
): HostTensors {
  const { shape } = student.network.config;
  const points = [batch.x.length / sizeOf(shape), ...shape];
  return Object.fromEntries(
    noisySides(penalty).map((side) => {
      const key = { seed, purpose: `${name} penalty noise ${side}`, step };
      return [noiseOf(side), hostTensor(points, normalBatch(key, points))];
    }),
  );
}
