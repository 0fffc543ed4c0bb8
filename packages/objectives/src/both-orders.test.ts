import { ConfigError } from '@flowmap/core';
import { expect, test } from 'vitest';
import { ayfEmd } from './ayf-emd.js';
import { ayfLmd } from './ayf-lmd.js';
import { bothOrders } from './both-orders.js';
import { diagonalIntervals, logUniformLengths } from './intervals.js';
import { lengthCurriculum } from './length-curriculum.js';
import { mixedIntervals } from './mixed-intervals.js';
import { stepIntervals } from './step-intervals.js';

const key = { seed: 0, step: 7, iterations: 100 };

test('exchanges start and target of half of the samples and nothing else', () => {
  const objective = ayfEmd({ preset: 'ayf-paper' });
  const middle = Float32Array.from({ length: 1000 }, (_, i) => i);
  const down = objective.draw(key, 1000);
  const both = bothOrders((drawn, count) => ({ ...objective.draw(drawn, count), middle }))(key, 1000);
  expect(both['middle']).toBe(middle);
  let ups = 0;
  for (let i = 0; i < 1000; i++) {
    const isUp = both.s[i]! > both.t[i]!;
    expect([both.t[i], both.s[i]]).toEqual(isUp ? [down.s[i], down.t[i]] : [down.t[i], down.s[i]]);
    ups += Number(isUp);
  }
  // Four standard deviations of a fair coin.
  expect(Math.abs(ups - 500)).toBeLessThan(4 * Math.sqrt(250));
});

test('is an option of both objectives, and is recorded', () => {
  for (const make of [ayfEmd, ayfLmd]) {
    const { t, s } = make({ orders: 'both', diagonalShare: 0 }).draw(key, 64);
    expect(t.some((time, i) => time < s[i]!) && t.some((time, i) => time > s[i]!)).toBe(true);
    expect(make({ orders: 'both' }).config).toEqual({ ...make().config, orders: 'both' });
    expect(() => make({ orders: 'up' as 'both' })).toThrow(".orders: wanted one of down, both, got 'up'");
  }
});

test('is refused for intervals of which one end is held, and so is the wrong end', () => {
  const held = (hold: 'end' | 'start') => stepIntervals({ steps: [1, 2], hold });
  const wrapped = mixedIntervals([
    { share: 0.75, of: lengthCurriculum(held('end'), { from: 0.5 }) },
    { share: 0.25, of: diagonalIntervals() },
  ]);
  const refusal = (make: () => unknown, option: string): void => {
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(option);
  };
  for (const intervalLengths of [held('end'), wrapped]) {
    expect(ayfEmd({ intervalLengths }).name).toBe('ayf-emd');
    refusal(() => ayfEmd({ intervalLengths, orders: 'both' }), "ayfEmd.orders: wanted 'down'");
    refusal(() => ayfLmd({ intervalLengths }), "ayfLmd.intervalLengths: wanted intervals with hold: 'start'");
  }
  expect(ayfLmd({ intervalLengths: held('start') }).name).toBe('ayf-lmd');
  refusal(() => ayfLmd({ intervalLengths: held('start'), orders: 'both' }), 'ayfLmd.orders');
  refusal(() => ayfEmd({ intervalLengths: held('start') }), "hold: 'end', got 'steps' with hold: 'start'");
  // Beside intervals of all kinds they are merely an emphasis.
  const mixed = mixedIntervals([
    { share: 0.5, of: held('start') },
    { share: 0.5, of: logUniformLengths() },
  ]);
  expect(ayfEmd({ intervalLengths: mixed, orders: 'both' }).config['orders']).toBe('both');
});
