import { requireKnownOptions, select, type HostTensors, type Tensor, type Tensors } from '@flowmap/tensor';
import { requirePositive, veNoise, type NoiseSchedule } from './noise-schedules.js';
import { pathEnds, type PathEnds } from './path-ends.js';
import { linearPath, perSample, ratesOf, type Path } from './path.js';
import type { NetworkInputs, VelocityField } from './plugins.js';

// The prediction of an external network determines the mean data E[x_0 | x] and the mean noise E[z | x] of a point, and
// these determine its velocity on any path: v = alpha' E[x_0 | x] + sigma' E[z | x]. The point x = alpha x_0 + sigma z
// of our path is `scale` times the network's point A x_0 + B z with the same ratio sigma / alpha = B / A.

/** An external network, over symbolic tensors, with the parameters it needs. */
export interface Predictor {
  readonly parameters: HostTensors;
  /**
   * What it predicts, shaped as `x`; `params` are symbolic stand-ins for `parameters`.
   *
   * @param inputs its points, its times, and the conditions by our names
   */
  predict(params: Tensors, inputs: NetworkInputs): Tensor;
}

/** How a network's predictions are converted. */
export interface PredictorOptions {
  /** How the network measures noise. */
  readonly noise: NoiseSchedule;
  /** The path whose velocity is wanted; `linearPath` unless given. */
  readonly path?: Path;
}

/** A point of our path with its factors and its location in the network's terms, shaped to combine with it. */
interface Point {
  readonly x: Tensor;
  readonly alpha: Tensor;
  readonly sigma: Tensor;
  readonly scale: Tensor;
  readonly time: Tensor;
}

/**
 * The velocity from a denoiser, a network that predicts the data: EDM's `D(x; sigma) = E[x_0 | x]` unless another noise
 * is given. `E[z | x] = (x - alpha D) / sigma`; on the linear path, `v = (x - D(x / (1 - t); t / (1 - t))) / t`. At
 * t = 0 it is `alpha' D`, which is exact if `D(x; 0) = x`; near t = 0 rounding errors are divided by t.
 *
 * @param options.noise `veNoise()` unless given
 */
export function velocityFromDenoiser(denoiser: Predictor, options: Partial<PredictorOptions> = {}): VelocityField {
  requireKnownOptions('velocityFromDenoiser', options, { noise: true, path: true });
  const settings = { noise: veNoise(), ...options };
  const { smallest = 0 } = settings.noise;
  return velocityFrom(denoiser, settings, (x0, { x, alpha, sigma }) => {
    // At t = 0 without a smallest ratio, x - D is 0, and so is z.
    const seen = smallest === 0 ? select(sigma.equal(0), 1, sigma) : sigma.maximum(alpha.mul(smallest));
    return { x0, z: x.sub(alpha.mul(x0)).div(seen) };
  });
}

/**
 * The velocity from a network that predicts the noise, `E[z | x]` (DDPM's epsilon).
 * `E[x_0 | x] = (x - sigma z) / alpha`; on the linear path, `v = (z - x) / (1 - t)`. At t = 1 the data cannot be
 * recovered from the noise: if the noise has a largest ratio, the network's prediction there is used; otherwise times
 * must be below 1.
 */
export function velocityFromNoisePrediction(predictor: Predictor, options: PredictorOptions): VelocityField {
  requireKnownOptions('velocityFromNoisePrediction', options, { noise: true, path: true });
  const { largest = Infinity } = options.noise;
  return velocityFrom(predictor, options, (z, { x, alpha, sigma }) => {
    const seen = largest === Infinity ? alpha : alpha.maximum(sigma.mul(1 / largest));
    return { x0: x.sub(sigma.mul(z)).div(seen), z };
  });
}

/**
 * The velocity from a network with v-prediction (Salimans & Ho, "Progressive distillation for fast sampling of
 * diffusion models", 2022, section 4): `E[A z - B x_0 | x]` with `A^2 + B^2 = 1`. From the network's point y,
 * `E[x_0 | x] = A y - B v` and `E[z | x] = B y + A v`, at all times.
 */
export function velocityFromVPrediction(predictor: Predictor, options: PredictorOptions): VelocityField {
  requireKnownOptions('velocityFromVPrediction', options, { noise: true, path: true });
  return velocityFrom(predictor, options, (v, { x, alpha, sigma }) => {
    const length = alpha.square().add(sigma.square()).sqrt();
    const [A, B, y] = [alpha.div(length), sigma.div(length), x.div(length)];
    return { x0: A.mul(y).sub(B.mul(v)), z: B.mul(y).add(A.mul(v)) };
  });
}

/**
 * Converts the velocity field of one path to another, for the same data and noise: `y = A x_0 + B z` and
 * `v = A' x_0 + B' z` are solved for the means of data and noise, at all times.
 */
export function velocityOnPath(
  field: VelocityField,
  options: { readonly from: Path; readonly to: Path },
): VelocityField {
  requireKnownOptions('velocityOnPath', options, { from: true, to: true });
  const { from, to } = options;
  const predictor: Predictor = {
    parameters: field.parameters,
    predict: (params, inputs) => field.velocity(params, inputs),
  };
  return velocityFrom(predictor, { noise: from, path: to }, (v, { x, scale, time }) =>
    pathEnds(from, x.div(scale), v, time),
  );
}

/**
 * EDM's denoiser from its raw network (Karras et al., "Elucidating the design space of diffusion-based generative models",
 * 2022, table 1): `D(x; sigma) = c_skip x + c_out F(c_in x; ln(sigma) / 4)` with `c_skip = d² / (sigma² + d²)`, `c_out
 * = sigma d / √(sigma² + d²)`, `c_in = 1 / √(sigma² + d²)`, for data of standard deviation d. Since `ln 0` is infinite,
 * use it with `veNoise({ smallest: 0.002 })`.
 *
 * @param network takes scaled points, and `ln(sigma) / 4` as the time
 * @param options.sigmaData d, > 0; 0.5 unless given
 * @throws {ConfigError} for a `sigmaData` that is not a number > 0
 */
export function edmDenoiser(network: Predictor, options: { readonly sigmaData?: number } = {}): Predictor {
  requireKnownOptions('edmDenoiser', options, { sigmaData: true });
  const { sigmaData = 0.5 } = options;
  requirePositive('edmDenoiser.sigmaData', sigmaData);
  return {
    parameters: network.parameters,
    predict(params, inputs) {
      const { x, t } = inputs;
      const sigma = perSample(t, x);
      const length = sigma
        .square()
        .add(sigmaData ** 2)
        .sqrt();
      const F = network.predict(params, { ...inputs, x: x.div(length), t: t.log().mul(0.25) });
      const kept = x.mul(sigmaData ** 2).div(length.square());
      return kept.add(sigma.mul(sigmaData).div(length).mul(F));
    },
  };
}

/** The velocity from the means of data and noise that a prediction determines. */
function velocityFrom(
  predictor: Predictor,
  { noise, path = linearPath }: PredictorOptions,
  endsOf: (prediction: Tensor, point: Point) => PathEnds,
): VelocityField {
  return {
    parameters: predictor.parameters,
    velocity(params, inputs) {
      const { x, t } = inputs;
      const { alpha, sigma } = path.at(t);
      const located = noise.locate(alpha, sigma);
      const scale = perSample(located.scale, x);
      const prediction = predictor.predict(params, { ...inputs, x: x.div(scale), t: located.time });
      const time = perSample(located.time, x);
      const { x0, z } = endsOf(prediction, { x, alpha: perSample(alpha, x), sigma: perSample(sigma, x), scale, time });
      const rates = ratesOf(path, perSample(t, x));
      return rates.alpha.mul(x0).add(rates.sigma.mul(z));
    },
  };
}
