import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dit, flowMap, interpolate, pathOf } from '@flowmap/core';
import { OBJECTIVE_NAMES, objectiveNamed } from '@flowmap/objectives';
import { countFlops, gradients, program, stopGradient, type Shape, type Tensor, type Tensors } from '@flowmap/tensor';
import { expect, test } from 'vitest';
import { root } from './internal/workspace.js';

const page = readFileSync(join(root, 'docs/methods.md'), 'utf8').split('\n');
const network = dit({ shape: [3, 8, 8], interval: true, width: 32, depth: 3, heads: 2, patch: 2 });
const [BATCH, SIZE] = [2, 3 * 8 * 8];

/**
 * The cost of a training step in the terms of the page: its matrix products divided by those of one
 * evaluation, and evaluations of a teacher.
 */
function costOf(name: string): string {
  const objective = objectiveNamed(name);
  const path = pathOf({ path: objective.needs.path ?? 'linear' });
  const weights = Object.entries(network.parameters).map(([key, { shape }]) => [key, shape] as const);
  const draws = Object.entries(objective.draws ?? {}).map(([key, shape]) => [key, [BATCH, ...shape]] as const);
  const schedules = Object.keys(objective.schedules).map((key) => [key, []] as const);
  const groups = { own: weights, average: weights, draws, schedules };
  const points = [BATCH, ...network.config.shape];
  const inputs: Record<string, Shape> = { x0: points, noise: points, t: [BATCH], s: [BATCH], teacher: [SIZE, SIZE] };
  for (const [group, shapes] of Object.entries(groups)) {
    for (const [key, shape] of shapes) inputs[`${group}.${key}`] = shape;
  }
  let [evaluation, teacher]: [number, Tensor | undefined] = [NaN, undefined];
  const step = program(name, { inputs }, (all: Tensors) => {
    const named = (group: keyof typeof groups): Tensors =>
      Object.fromEntries(groups[group].map(([key]) => [key, all[`${group}.${key}`]!]));
    const [x0, noise, t, s] = ['x0', 'noise', 't', 's'].map((key) => all[key]!) as [Tensor, Tensor, Tensor, Tensor];
    const [xt, student] = [interpolate(x0, noise, t, path), flowMap(network, named('own'))];
    evaluation = countFlops([student.averageVelocity(xt, t, s)]);
    teacher = all['teacher'];
    // A teacher is one matrix product.
    const asked = (x: Tensor): Tensor => x.reshape([BATCH, SIZE]).matmul(teacher!).reshape(x.shape);
    const { loss } = objective.loss({
      ...{ student, average: flowMap(network, named('average')), path, x0, noise, xt, t, s, own: {} },
      ...{ draws: named('draws'), schedules: named('schedules') },
      velocity: (x) => (objective.needs.teacher ? stopGradient(asked(x)) : x),
    });
    return { outputs: { loss, ...gradients(loss, named('own')) } };
  });
  const times = step.nodes.filter((node) => node.is('matmul') && node.operands[1] === teacher).length;
  const own = countFlops(Object.values(step.outputs)) - times * 2 * BATCH * SIZE * SIZE;
  const rest = times === 0 ? '' : ` + ${times === 1 ? '' : `${times} `}T`;
  return `${Math.round(own / evaluation)}${rest}`;
}

test.each(OBJECTIVE_NAMES.filter((name) => name !== 'flow-matching'))('%s costs what docs/methods.md says', (name) => {
  const row = page.find((line) => line.startsWith(`| \`${name}\` `));
  // The parts in parentheses exist only with a teacher, and here there is one.
  expect(costOf(name)).toBe(row?.split('|')[3]!.replaceAll(/[()]/g, '').trim());
});
