import { expect, test } from 'vitest';
import { linePanels } from './line-panels.js';

const steps = [1, 2, 4];

test('decades are evenly spaced, and values that cannot be shown break the line', () => {
  const lines = [{ name: 'a < b', values: [1, 0.1, 0.01], colour: '#123456' }];
  const svg = linePanels([{ title: 'one', steps, lines }], 'distance', 1);
  const [, path] = /d="(M[^"]*)" fill="none" stroke="#123456"/.exec(svg)!;
  const places = [...path!.matchAll(/[ML]([\d.]+) ([\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const);
  const [first, second, third] = places as [(typeof places)[0], (typeof places)[0], (typeof places)[0]];
  expect(second[0] - first[0]).toBeCloseTo(third[0] - second[0], 1);
  expect(second[1] - first[1]).toBeCloseTo(third[1] - second[1], 1);
  expect(third[1]).toBeGreaterThan(first[1]); // smaller is lower
  expect(svg).toContain('a &lt; b');

  const broken = [{ name: 'c', values: [1, NaN, 0.01], colour: '#123456', dash: '5 3' }];
  const drawn = linePanels([{ title: 'two', steps, lines: broken }], 'distance', 1);
  expect(/d="(M[^"]*)" fill="none" stroke="#123456"/.exec(drawn)![1]).toMatch(/^M[\d. ]+M[\d. ]+$/);
  expect(drawn.match(/<circle/g)).toHaveLength(2);
});
