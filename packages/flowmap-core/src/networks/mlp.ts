import { requireKnownOptions, rmsNorm, type OptionNames, type Tensor, type Tensors } from '@flowmap/tensor';
import type { Network, NetworkInputs } from '../plugins.js';
import { CONDITIONING_OPTIONS, conditioning, type ConditioningConfig } from './conditioning.js';
import { dropout as dropoutOf, requireRate } from './dropout.js';
import { extras } from './extras.js';
import { collect, collectDraws, dense } from './layers.js';
import { defineNetwork, MAX_DEPTH, requireShape, requireSize } from './network.js';

/** A residual multilayer perceptron for points of a few dimensions. */
export interface MlpConfig extends ConditioningConfig {
  readonly type: 'mlp';
  /** 0 unless given. */
  readonly classes: number;
  /** Width of the hidden layers; 256 unless given. */
  readonly width: number;
  /** Number of residual blocks; 3 unless given. */
  readonly depth: number;
  /** Share of a block's hidden units that are dropped in training, in [0, 1); 0 unless given. */
  readonly dropout?: number;
}

/** Options of {@link mlp}; all but the shape have defaults, see {@link MlpConfig}. */
export type MlpOptions = Pick<MlpConfig, 'shape'> & Partial<Omit<MlpConfig, 'type' | 'shape'>>;

const OPTIONS: OptionNames<MlpConfig> = {
  ...CONDITIONING_OPTIONS,
  width: true,
  depth: true,
  dropout: true,
};

/**
 * Residual MLP: `h <- h + W_2 silu(W_1 rms(h) + C silu(c))` with the conditioning vector `c` of times and conditions in
 * every block. The output layer starts at zero, so an untrained network is the zero field. Its `features` are h after
 * each block.
 *
 * @throws {ConfigError} for an unknown option, a sample shape that is not `[n]`, sizes that are not whole numbers >= 1, or invalid
 *   conditions, dropout or `intervalBlocks`
 */
export function mlp(options: MlpOptions): Network<MlpConfig> {
  requireKnownOptions<Partial<MlpConfig>>('mlp', options, OPTIONS);
  const { shape, classes = 0, interval = false, width = 256, depth = 3, dropout = 0 } = options;
  requireShape('mlp.shape', shape, ['n']);
  requireSize('mlp.width', width);
  requireSize('mlp.depth', depth, MAX_DEPTH);
  requireRate('mlp.dropout', dropout);
  const config: MlpConfig = { type: 'mlp', shape, classes, interval, width, depth, ...extras(options) };
  const [coordinates] = shape as [number];
  const condition = conditioning(config, width, depth);
  const first = dense('input', coordinates, width);
  const blocks = Array.from({ length: depth }, (_, i) => ({
    inner: dense(`block${i}.inner`, width, width),
    condition: dense(`block${i}.condition`, width, width),
    outer: dense(`block${i}.outer`, width, width),
  }));
  const drops = blocks.map((_, i) => dropoutOf(`block${i}.dropout`, width, dropout));
  const last = dense('output', width, coordinates, { zero: true });

  const parameters = collect([condition, first, ...blocks.flatMap((block) => Object.values(block)), last]);
  const features = (params: Tensors, inputs: NetworkInputs): Tensor[] => {
    const c = condition.applyToBlocks(params, inputs);
    let h = first.apply(params, inputs.x);
    return blocks.map((block, i) => {
      const inner = block.inner.apply(params, rmsNorm(h)).add(block.condition.apply(params, c.of(i)));
      return (h = h.add(block.outer.apply(params, drops[i]!.apply(inner.silu(), inputs.draws))));
    });
  };
  const apply: Network['apply'] = (params, inputs) => {
    return last.apply(params, rmsNorm(features(params, inputs).at(-1)!));
  };
  const { conditions } = condition;
  return defineNetwork(config, parameters, apply, { conditions, draws: collectDraws(drops), features });
}
