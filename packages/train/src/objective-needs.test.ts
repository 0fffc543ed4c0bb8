import { gaussianVelocity, mlp, trigonometricPath, type Objective } from '@flowmap/core';
import { ayfEmd, ayfLmd, discreteLmd, flowMatching } from '@flowmap/objectives';
import { expect, test } from 'vitest';
import { objectivePhase } from './objective-phase.js';

const network = mlp({ shape: [1], width: 4, depth: 1, interval: true });
const field = mlp({ shape: [1], width: 4, depth: 1 });
const teacher = gaussianVelocity({ std: 0.5 });
const common = { batchSize: 2, seed: 0 };

test.each([ayfLmd(), discreteLmd()])('$name without a teacher is refused', (objective) => {
  expect(() => objectivePhase({ ...common, network, objective })).toThrow('needs a teacher');
});

test.each([flowMatching(), ayfEmd({ teacher: false })])(
  'a teacher of $name, which needs none, is refused',
  (objective) => {
    expect(() => objectivePhase({ ...common, network, objective, teacher })).toThrow(
      `objectivePhase.teacher: has no effect with ${objective.name}, which needs none`,
    );
  },
);

test('a network that does not take target times serves flow matching alone', () => {
  const phase = objectivePhase({ ...common, network: field, objective: flowMatching() });
  expect(phase.name).toBe('flow-matching');
  expect(() => objectivePhase({ ...common, network: field, objective: ayfEmd(), teacher })).toThrow(
    expect.objectContaining({ option: 'network', message: expect.stringContaining('got a network') as string }),
  );
});

test('an objective of one path is refused on another', () => {
  const objective: Objective = { ...flowMatching(), needs: { teacher: false, path: 'trigonometric' } };
  expect(() => objectivePhase({ ...common, network, objective })).toThrow(
    expect.objectContaining({ option: 'path', message: expect.stringContaining('got the linear path') as string }),
  );
  expect(objectivePhase({ ...common, network, objective, path: trigonometricPath }).name).toBe('flow-matching');
});
