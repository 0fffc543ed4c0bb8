import { expect, test } from 'vitest';
import { parseFences } from './fences.js';

test('fences are found with their line, language and flags', () => {
  const text = ['# Title', '```ts', 'one();', 'two();', '```', '```sh', '```', '```ts no-run', 'three();', '```'];
  expect(parseFences('R.md', text.join('\n'))).toEqual([
    { file: 'R.md', line: 2, run: true, code: 'one();\ntwo();' },
    { file: 'R.md', line: 8, run: false, code: 'three();' },
  ]);
});
