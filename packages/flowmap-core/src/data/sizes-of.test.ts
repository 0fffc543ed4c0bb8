import { expect, test } from 'vitest';
import { mlp } from '../networks/mlp.js';
import { unet } from '../networks/unet.js';
import { sizesOf } from './sizes-of.js';

const label = { shape: [], dtype: 'int32', categories: 2 } as const;
const guidance = { shape: [], dtype: 'float32' } as const;

test('a network has the sizes, classes and conditions of its data', () => {
  const images = { shape: [3, 8, 8], classes: ['cat', 'dog'], conditions: { label } };
  expect(unet({ ...sizesOf(images), channels: [16] }).config).toMatchObject({ shape: [3, 8, 8], classes: 2 });
  const { conditions } = mlp({
    ...sizesOf({ shape: [2], classes: ['a', 'b'], conditions: { label, guidance } }),
    width: 4,
  });
  expect(conditions).toEqual({ label, guidance });
  const plain = { shape: [2], classes: [], conditions: {} };
  expect(sizesOf(plain)).toEqual({ shape: [2], classes: 0 });
  expect(() => sizesOf((() => plain) as never)).toThrow('sizesOf.data: wanted a dataset');
});
