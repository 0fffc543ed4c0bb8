import { expect, test } from 'vitest';
import { parseDocstrings } from './docstring-examples.js';

const text = `/**
 * One.
 *
 * @throws {Error} never
 * @example
 * if (a) {
 *   one('@example');
 *
 * }
 */
export function one(): void;

/** Two. */
export interface Two {
  /**
   * @example
   * two();
   */
  two: number;
}

/**
 * @example
 * three();
 */
export const three = 3,
  four = 4;
`;

test('examples are found with the line of their tag, the name that they are about, and their indentation', () => {
  expect(parseDocstrings('a.ts', text)).toEqual([
    { file: 'a.ts', line: 5, name: 'one', code: "if (a) {\n  one('@example');\n\n}" },
    { file: 'a.ts', line: 16, name: 'two', code: 'two();' },
    { file: 'a.ts', line: 23, name: 'three', code: 'three();' },
  ]);
});
