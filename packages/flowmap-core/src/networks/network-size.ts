import { isRecord } from '../internal/json.js';

/** The size of a network, estimated from its configuration before it is built. */
export interface NetworkSize {
  /** Blocks of layers, each with its own parameters. */
  readonly blocks: number;
  /** Values of the largest layer, for one sample; the attention scores of all heads count as one layer. */
  readonly activation: number;
}

/**
 * The size of the network that a configuration from a file describes; 0 or NaN if its values are not valid for a
 * network of that type. For custom types it covers the sample and any networks nested in the configuration.
 */
export function networkSize(config: Readonly<Record<string, unknown>>): NetworkSize {
  const number = (key: string, unlessGiven: number): number => {
    const value = config[key] ?? unlessGiven;
    return typeof value === 'number' ? value : NaN;
  };
  const shape = listOf(config['shape']);
  const values = shape.reduce((product, extent) => product * extent, 1);
  const pixels = values / shape[0]!;
  const conditions = isRecord(config['conditions']) ? Object.values(config['conditions']).map(listOf) : [];
  /** Each condition is a block with its own parameters, and a layer of this width for each of its tokens. */
  const sized = (blocks: number, width: number, activation: number): NetworkSize => {
    const sizes = conditions.map((shape) => (shape.length > 1 ? shape[0]! : 1) * Math.max(width, shape.at(-1) ?? 1));
    return { blocks: blocks + conditions.length, activation: Math.max(values, activation, ...sizes) };
  };
  switch (config['type']) {
    case 'mlp':
      return sized(number('depth', 3), number('width', 256), number('width', 256));
    case 'dit': {
      const tokens = pixels / number('patch', 4) ** 2;
      const hidden = 4 * tokens * number('width', 256);
      const attended = scores(tokens, number('heads', 4));
      return sized(number('depth', 8), number('width', 256), Math.max(hidden, attended));
    }
    case 'unet': {
      const channels = listOf(config['channels'] ?? [32, 64, 128]);
      const levels = channels.map((count, level) => (count * pixels) / 4 ** level);
      const attended = scores(pixels / 4 ** (channels.length - 1), number('heads', 4));
      const blocks = 2 * channels.length * number('blocks', 1);
      return sized(blocks, number('conditionWidth', 128), Math.max(attended, ...levels));
    }
    default: {
      const parts = Object.values(config).filter((part) => isRecord(part) && typeof part['type'] === 'string');
      const sizes = parts.map((part) => networkSize(part as Record<string, unknown>));
      return {
        blocks: sizes.reduce((total, { blocks }) => total + blocks, 0),
        activation: Math.max(values, ...sizes.map(({ activation }) => activation)),
      };
    }
  }
}

/** Every token's score for every other. */
function scores(tokens: number, heads: number): number {
  return heads * tokens ** 2;
}

function listOf(value: unknown): number[] {
  return Array.isArray(value) ? value.map((entry) => (typeof entry === 'number' ? entry : NaN)) : [];
}
