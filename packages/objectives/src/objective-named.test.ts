import { expect, test } from 'vitest';
import { OBJECTIVE_NAMES, objectiveNamed } from './objective-named.js';

test.each(OBJECTIVE_NAMES)('%s is the name that the objective records, and says what it is', (name) => {
  const { name: recorded, about, watch, needs } = objectiveNamed(name);
  expect(recorded).toBe(name);
  expect(about?.title).toBeTruthy();
  expect(Object.keys(about?.metrics ?? {})).toContain(watch);
  expect(needs.interval ?? false).toBe(name !== 'flow-matching');
});

test('objectives that have the choice train from data alone', () => {
  expect(objectiveNamed('mean-flow', { teacher: false }).needs.teacher).toBe(false);
  expect(() => objectiveNamed('ayf-lmd', { teacher: false })).toThrow('cannot be trained from data alone');
});

test('an unknown name is refused with the known ones', () => {
  expect(() => objectiveNamed('meanflow')).toThrow('wanted one of ayf-emd, ayf-lmd, ');
});
