import { rmsNorm } from '@flowmap/tensor';
import type { Network, NetworkConfig } from '../plugins.js';
import { conditioning } from './conditioning.js';
import { collect, dense } from './layers.js';
import { defineNetwork, MAX_DEPTH, requireShape, requireSize } from './network.js';

/** A residual multilayer perceptron for points of a few dimensions. */
export interface MlpConfig extends NetworkConfig {
  readonly type: 'mlp';
  /** Width of the hidden layers; 256 unless given. */
  readonly width: number;
  /** Number of residual blocks; 3 unless given. */
  readonly depth: number;
}

/** Options of {@link mlp}: what {@link MlpConfig} leaves open has a default. */
export type MlpOptions = Pick<MlpConfig, 'shape'> & Partial<Omit<MlpConfig, 'type' | 'shape'>>;

/**
 * Residual MLP: `h <- h + W_2 silu(W_1 rms(h) + C silu(c))` with the conditioning vector `c` of times and class in every
 * block. The output layer starts at zero, so that an untrained network is the zero field.
 *
 * @throws {ConfigError} for a sample shape that is not `[n]`, or sizes that are not whole numbers >= 1
 */
export function mlp({ shape, classes = 0, interval = false, width = 256, depth = 3 }: MlpOptions): Network<MlpConfig> {
  requireShape('mlp.shape', shape, ['n']);
  requireSize('mlp.width', width);
  requireSize('mlp.depth', depth, MAX_DEPTH);
  const config: MlpConfig = { type: 'mlp', shape, classes, interval, width, depth };
  const [features] = shape as [number];
  const condition = conditioning(config, width);
  const first = dense('input', features, width);
  const blocks = Array.from({ length: depth }, (_, i) => ({
    inner: dense(`block${i}.inner`, width, width),
    condition: dense(`block${i}.condition`, width, width),
    outer: dense(`block${i}.outer`, width, width),
  }));
  const last = dense('output', width, features, { zero: true });

  const parameters = collect([condition, first, ...blocks.flatMap((block) => Object.values(block)), last]);
  return defineNetwork(config, parameters, (params, inputs) => {
    const c = condition.apply(params, inputs).silu();
    let h = first.apply(params, inputs.x);
    for (const block of blocks) {
      const inner = block.inner.apply(params, rmsNorm(h)).add(block.condition.apply(params, c));
      h = h.add(block.outer.apply(params, inner.silu()));
    }
    return last.apply(params, rmsNorm(h));
  });
}
