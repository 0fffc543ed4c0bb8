import type { Operator, Operators } from '../call.js';
import { activations } from './activations.js';
import { constants } from './constants.js';
import { control } from './control.js';
import { convolutions } from './convolutions.js';
import { elementwise } from './elementwise.js';
import { indexing } from './indexing.js';
import { norms } from './norms.js';
import { padding } from './pads.js';
import { pooling } from './pooling.js';
import { products } from './products.js';
import { reductions } from './reductions.js';
import { resizing } from './resize.js';
import { scatter } from './scatter.js';
import { shapes } from './shapes.js';

/** Every operator that can be imported, by family. */
export const families: Readonly<Record<string, Operators>> = {
  'element by element': elementwise,
  activations,
  'shapes and layout': shapes,
  'choosing elements': { ...indexing, ...scatter },
  padding,
  reductions,
  products: { ...products, ...convolutions },
  norms,
  images: { ...pooling, ...resizing },
  constants,
  'control flow': control,
};

const table: ReadonlyMap<string, Operator> = new Map(
  Object.values(families).flatMap((operators) => Object.entries(operators)),
);

/** An operator of the standard domain by its name; undefined if it cannot be imported. */
export function operatorOf(name: string): Operator | undefined {
  return table.get(name);
}

/** What to do about some operators that cannot be imported. */
const hints: Readonly<Record<string, string>> = {
  RandomNormal: 'make the noise an input',
  RandomNormalLike: 'make the noise an input',
  RandomUniform: 'make the random numbers an input',
  RandomUniformLike: 'make the random numbers an input',
  Bernoulli: 'make the random numbers an input, or export the model in evaluation mode',
  Scan: 'export the model with its loop unrolled',
  LSTM: 'recurrent networks cannot be imported',
  GRU: 'recurrent networks cannot be imported',
  RNN: 'recurrent networks cannot be imported',
  TopK: 'what depends on an order of values has no useful derivative',
  NonMaxSuppression: 'what depends on an order of values has no useful derivative',
  Attention: 'export for operator set 18 to 22, where it is written in products and a softmax',
  RMSNormalization: 'export for operator set 18 to 22, where it is written in simpler operators',
};

/** What to do about an operator that cannot be imported. */
export function hintFor(name: string): string {
  const hint = Object.hasOwn(hints, name) ? hints[name] : undefined;
  return hint ?? 'docs/onnx.md lists those that can; `openOnnx` runs any file, without derivatives';
}
