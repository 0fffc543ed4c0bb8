import {
  gaussianFlowMap,
  gaussianVelocity,
  mixtureFlowMap,
  mixtureVelocity,
  trigonometricPath,
  type Objective,
} from '@flowmap/core';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, expect, test } from 'vitest';
import { gradientNorms, mixtureOn, type ExactMap } from './__fixtures__/exact-maps.js';
import { alphaFlow } from './alpha-flow.js';
import { ayfEmd } from './ayf-emd.js';
import { ayfLmd } from './ayf-lmd.js';
import { cmt } from './cmt.js';
import { consistencyDistillation } from './consistency-distillation.js';
import { ctm } from './ctm.js';
import { decoupledMeanFlow } from './decoupled-mean-flow.js';
import { discreteEmd } from './discrete-emd.js';
import { discreteLmd } from './discrete-lmd.js';
import { eulerianSelfDistillation } from './eulerian-self-distillation.js';
import { facm } from './facm.js';
import { improvedMeanFlow } from './improved-mean-flow.js';
import { lagrangianSelfDistillation } from './lagrangian-self-distillation.js';
import { meanFlow } from './mean-flow.js';
import { progressiveSelfDistillation } from './progressive-self-distillation.js';
import { scm } from './scm.js';
import { soFlow } from './so-flow.js';
import { terminalVelocity } from './terminal-velocity.js';

const law = { mean: 0.3, std: 0.5 };
const mixture = { weights: [0.3, 0.7], means: [-1, 1.2], stds: [0.3, 0.5] };
const path = trigonometricPath;
const gaussian = {
  linear: { map: gaussianFlowMap(law), teacher: gaussianVelocity(law) },
  trigonometric: { map: gaussianFlowMap(law, path), teacher: gaussianVelocity(law, path), path },
} satisfies Record<string, ExactMap>;
const mixed = {
  linear: { map: mixtureFlowMap(mixture), teacher: mixtureVelocity(mixture) },
  trigonometric: mixtureOn(path, mixture),
} satisfies Record<string, ExactMap>;
const float64 = referenceRuntime();

/** Objectives that have the exact flow map as a fixed point: a new one needs only a row here. */
const exact: readonly (readonly [name: string, objective: Objective])[] = [
  ['AYF-EMD', ayfEmd({ c: Infinity, rMax: 1 })],
  ['AYF-EMD, normalised and in both directions', ayfEmd({ rMax: 1, orders: 'both' })],
  ['AYF-LMD', ayfLmd({ c: Infinity })],
  ['AYF-LMD, normalised and in both directions', ayfLmd({ orders: 'both' })],
  ['sCD', scm()],
  ['FACM', facm()],
  ['MeanFlow', meanFlow({ teacher: true })],
  ['improved MeanFlow', improvedMeanFlow({ teacher: true })],
  ['decoupled MeanFlow', decoupledMeanFlow({ teacher: true })],
  ['Lagrangian self-distillation', lagrangianSelfDistillation({ teacher: true })],
  ['Eulerian self-distillation', eulerianSelfDistillation({ teacher: true })],
  ['progressive self-distillation', progressiveSelfDistillation({ teacher: true })],
  ['terminal velocity matching', terminalVelocity({ teacher: true })],
];

// Relative to the gradient at the perturbed map. Rounding to float32 leaves about 1e-7 of numbers of size 1 in g. The
// mixture's map is solved to about 1e-13, then divided by lengths from 1/64 on, twice for derivatives.
describe.each(exact)('%s has a gradient that vanishes at the exact map', (_, objective) => {
  test.each([
    ['Gaussian data in double precision', gaussian, 'float64', 1e-10],
    ['Gaussian data in single precision', gaussian, 'float32', 1e-5],
    ['a mixture in double precision', mixed, 'float64', 1e-7],
  ] as const)('of %s', async (_, map, precision, bound) => {
    const runtime = precision === 'float64' ? float64 : await onnxRuntime({ device: 'cpu', threads: 1 });
    const norms = await gradientNorms(runtime, map[objective.needs.path ?? 'linear'], objective);
    expect(norms.perturbed).toBeGreaterThan(1e-2);
    expect(norms.exact / norms.perturbed).toBeLessThan(bound);
  });
});

/** Objectives that have it in a limit: with settings that halve the error, and the order of the error. */
const inTheLimit: readonly (readonly [name: string, coarse: Objective, fine: Objective, order: number])[] = [
  ['discrete AYF-EMD', discreteEmd({ epsilon: 0.01 }), discreteEmd({ epsilon: 0.005 }), 1],
  ['discrete AYF-LMD', discreteLmd({ epsilon: 0.01 }), discreteLmd({ epsilon: 0.005 }), 1],
  [
    "discrete AYF-LMD with Heun's method",
    discreteLmd({ epsilon: 0.05, solver: 'heun' }),
    discreteLmd({ epsilon: 0.025, solver: 'heun' }),
    2,
  ],
  ['consistency distillation', consistencyDistillation({ steps: 64 }), consistencyDistillation({ steps: 128 }), 2],
  ['CTM', ctm({ solverSteps: 4 }), ctm({ solverSteps: 8 }), 2],
  ['CMT', cmt({ steps: 16, targets: 'data' }), cmt({ steps: 32, targets: 'data' }), 2],
  [
    'α-Flow',
    alphaFlow({ over: 0.5, power: 0, alphaMin: 0.01, teacher: true }),
    alphaFlow({ over: 0.5, power: 0, alphaMin: 0.005, teacher: true }),
    1,
  ],
  [
    'SoFlow',
    soFlow({ firstShare: 0.01, lastShare: 0.01, teacher: true }),
    soFlow({ firstShare: 0.005, lastShare: 0.005, teacher: true }),
    1,
  ],
];

test.each(inTheLimit)('%s tends to it', async (_, coarse, fine, order) => {
  const [one, half] = [
    await gradientNorms(float64, gaussian.linear, coarse),
    await gradientNorms(float64, gaussian.linear, fine),
  ];
  expect(one.perturbed).toBeGreaterThan(1e-2);
  expect(one.exact / one.perturbed).toBeLessThan(0.2);
  // The next order in the small number, and other points of finer grids, change the ratio by less than 25 %.
  expect(one.exact / half.exact).toBeGreaterThan(0.75 * 2 ** order);
  expect(one.exact / half.exact).toBeLessThan(1.25 * 2 ** order);
});
