import {
  ConfigError,
  cosineNoise,
  linearPath,
  perSample,
  trigonometricPath,
  velocityFromDenoiser,
  velocityFromNoisePrediction,
  velocityFromVPrediction,
  veNoise,
  vpNoise,
  type NoiseSchedule,
  type Predictor,
  type VelocityField,
} from '@flowmap/core';
import { full, inWords } from '@flowmap/tensor';

/** How an imported network measures noise, with the options of the functions of these names in `@flowmap/core`. */
export type ImportedNoise =
  | { readonly name: 'linear' | 'trigonometric' }
  | { readonly name: 've'; readonly smallest?: number; readonly largest?: number }
  | { readonly name: 'vp'; readonly betaMin?: number; readonly betaMax?: number }
  | { readonly name: 'cosine'; readonly offset?: number };

/** What an imported network predicts. */
export interface ImportedPrediction {
  /**
   * `velocity` unless given: `dx/dt` of the linear path. `noise` is DDPM's epsilon, `data` the denoised sample, `v`
   * that of v-prediction, and `edm` EDM's raw network `F`, preconditioned here: `D(x; sigma) = c_skip x + c_out
   * F(c_in x; log(sigma) / 4)`.
   */
  readonly prediction?: 'velocity' | 'noise' | 'data' | 'v' | 'edm';
  /** How it measures noise; needed for all but `velocity`, where it is the linear path, and `edm`, where it is `ve`. */
  readonly noise?: ImportedNoise;
  /** The factor by which its data are larger than ours, for `noise`, `data` and `edm`; 1 unless given. */
  readonly dataScale?: number;
  /** Standard deviation of its data, for `edm`; 0.5 unless given. */
  readonly sigmaData?: number;
}

/** The names of {@link ImportedPrediction}'s options. */
export const predictionOptions = { prediction: true, noise: true, dataScale: true, sigmaData: true } as const;

/**
 * The velocity that a prediction determines.
 *
 * @throws {ConfigError} for an unknown prediction or noise, and options that do not belong to it
 */
export function velocityOf(caller: string, predictor: Predictor, options: ImportedPrediction): VelocityField {
  const { prediction = 'velocity', dataScale = 1, sigmaData } = options;
  const refuse = (option: string, problem: string): never => {
    throw new ConfigError(`${caller}.${option}`, problem);
  };
  if (!(dataScale > 0 && dataScale < Infinity)) refuse('dataScale', `wanted a number > 0, got ${inWords(dataScale)}`);
  if (dataScale !== 1 && (prediction === 'velocity' || prediction === 'v')) {
    refuse('dataScale', `has no effect on a prediction of ${prediction}; scale the data instead`);
  }
  if (sigmaData !== undefined && (prediction !== 'edm' || !(sigmaData > 0 && sigmaData < Infinity))) {
    refuse('sigmaData', `wanted a number > 0 for the prediction edm, got ${inWords(sigmaData)} for ${prediction}`);
  }
  if (prediction === 'velocity') {
    if (options.noise !== undefined) refuse('noise', 'a velocity is that of the linear path; see velocityOnPath');
    return { parameters: predictor.parameters, velocity: (params, inputs) => predictor.predict(params, inputs) };
  }
  const given = options.noise ?? (prediction === 'edm' ? { name: 've' as const, smallest: 0.002 } : undefined);
  if (given === undefined) return refuse('noise', `a prediction of ${prediction} needs to know how noise is measured`);
  const noise = scaled(scheduleOf(given, refuse), dataScale);
  switch (prediction) {
    case 'noise':
      return velocityFromNoisePrediction(predictor, { noise });
    case 'v':
      return velocityFromVPrediction(predictor, { noise });
    case 'data':
      return velocityFromDenoiser(shrunk(predictor, dataScale), { noise });
    case 'edm':
      return velocityFromDenoiser(shrunk(preconditioned(predictor, sigmaData ?? 0.5), dataScale), { noise });
    default:
      return refuse('prediction', `wanted one of velocity, noise, data, v, edm; got ${inWords(prediction)}`);
  }
}

function scheduleOf(noise: ImportedNoise, refuse: (option: string, problem: string) => never): NoiseSchedule {
  switch (noise.name) {
    case 'linear':
      return linearPath;
    case 'trigonometric':
      return trigonometricPath;
    case 've':
      return veNoise(optionsOf(noise));
    case 'vp':
      return vpNoise(optionsOf(noise));
    case 'cosine':
      return cosineNoise(optionsOf(noise));
    default:
      return refuse('noise', `wanted one of linear, trigonometric, ve, vp, cosine; got ${inWords(noise)}`);
  }
}

function optionsOf<N extends ImportedNoise>({ name: _, ...options }: N): Omit<N, 'name'> {
  return options;
}

/** The schedule of data that are `factor` times as large: the point is `(alpha / factor) (factor x_0) + sigma z`. */
function scaled(noise: NoiseSchedule, factor: number): NoiseSchedule {
  if (factor === 1) return noise;
  const bounds = [
    ['smallest', noise.smallest],
    ['largest', noise.largest],
  ].flatMap(([name, bound]) => (typeof bound === 'number' ? [[name, bound / factor] as const] : []));
  return {
    name: noise.name,
    ...(Object.fromEntries(bounds) as Pick<NoiseSchedule, 'smallest' | 'largest'>),
    locate: (alpha, sigma) => noise.locate(alpha.mul(1 / factor), sigma),
  };
}

function shrunk(predictor: Predictor, factor: number): Predictor {
  if (factor === 1) return predictor;
  return {
    parameters: predictor.parameters,
    predict: (params, inputs) => predictor.predict(params, inputs).mul(1 / factor),
  };
}

/** EDM's preconditioning (Karras et al. 2022, table 1). */
function preconditioned(predictor: Predictor, sigmaData: number): Predictor {
  return {
    parameters: predictor.parameters,
    predict(params, inputs) {
      const { x, t: sigma } = inputs;
      const variance = sigma.square().add(sigmaData ** 2);
      const skip = full(sigmaData ** 2).div(variance);
      const out = sigma.mul(sigmaData).div(variance.sqrt());
      const within = full(1).div(variance.sqrt());
      const raw = predictor.predict(params, { ...inputs, x: x.mul(perSample(within, x)), t: sigma.log().mul(1 / 4) });
      return x.mul(perSample(skip, x)).add(raw.mul(perSample(out, x)));
    },
  };
}
