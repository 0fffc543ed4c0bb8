import { expect, test } from 'vitest';
import { CATEGORIES } from './emoji-dataset.js';
import { rowsOf } from './settings.js';

test('rows show the same categories whatever the order of a teacher, smileys twice', () => {
  expect(rowsOf(CATEGORIES)).toEqual([0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
  const other = CATEGORIES.toReversed();
  expect(rowsOf(other)!.map((label) => other[label])).toEqual([CATEGORIES[0], ...CATEGORIES]);
  expect(rowsOf([])).toBeUndefined();
});
