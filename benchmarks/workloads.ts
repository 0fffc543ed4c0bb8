import { dit, unet, type Network } from '@flowmap/core';
import { ayfEmd } from '@flowmap/objectives';
import {
  countFlops,
  hostTensor,
  input,
  program,
  uniforms,
  type HostTensor,
  type HostTensors,
  type Program,
} from '@flowmap/tensor';
import { constantSchedule, initialState, objectivePhase, phaseFeeds, phasePrograms, trainee } from '@flowmap/train';

/** A program to time, with everything it needs to run. */
export interface Workload {
  readonly name: string;
  readonly build: () => Program;
  readonly state: HostTensors;
  /** Creates the inputs of a run, which is part of a step's time on the host. */
  readonly feeds: () => HostTensors;
  /** Number of runs in a row, of which the fastest counts: short programs need warm caches and threads. */
  readonly repeats: number;
  /** Floating-point operations of one run. */
  readonly flops: number;
}

const batchSize = 32;
const CLASSES = 10;

/** The product of two float32 matrices of 1024 x 1024: what everything else is compared with. */
export function matmulWorkload(size = 1024): Workload {
  const matrix = (seed: number): HostTensor =>
    hostTensor([size, size], Float32Array.from(uniforms({ seed, purpose: 'matrix' }, size ** 2)));
  const [a, b] = [matrix(0), matrix(1)];
  return {
    name: `matmul ${size}³`,
    build: () =>
      program('matmul', { inputs: { a: [size, size], b: [size, size] } }, ({ a, b }) => ({
        outputs: { c: a.matmul(b) },
      })),
    state: {},
    repeats: 10,
    feeds: () => ({ a, b }),
    flops: 2 * size ** 3,
  };
}

/** The DiT of 64 tokens, width 256 and 8 blocks. */
export function ditWorkload(): Workload {
  return stepWorkload(
    'DiT',
    dit({ shape: [3, 32, 32], patch: 4, width: 256, depth: 8, classes: CLASSES, interval: true }),
  );
}

/** The U-net of the emoji example. */
export function unetWorkload(): Workload {
  return stepWorkload('UNet', unet({ shape: [3, 24, 24], channels: [32, 64, 128], classes: CLASSES, interval: true }));
}

/** The U-net of the comparison with other frameworks. */
export function wideUnetWorkload(): Workload {
  return stepWorkload(
    'wide UNet',
    unet({ shape: [3, 32, 32], channels: [80, 160, 320], classes: CLASSES, interval: true }),
  );
}

/** A narrow DiT of 24 blocks, whose step has more than 10,000 nodes: its preparation is time per node. */
export function largeWorkload(): Workload {
  const size = { width: 32, heads: 2, depth: 24, classes: CLASSES, interval: true };
  return stepWorkload('deep DiT', dit({ shape: [3, 16, 16], ...size }));
}

/**
 * The fused AYF-EMD step: forward, derivative along the trajectory, loss, backward, AdamW and the moving average. It is
 * counted as 4 times the forward pass: one for the value, one for the derivative, two for the gradient.
 */
function stepWorkload(name: string, network: Network): Workload {
  const shape = [batchSize, ...network.config.shape];
  const size = shape.reduce((product, extent) => product * extent, 1);
  const batch = {
    x: Float32Array.from(uniforms({ seed: 0, purpose: 'data' }, size), (u) => 2 * u - 1),
    conditions: { label: Int32Array.from({ length: batchSize }, (_, i) => i % CLASSES) },
  };
  const model = { kind: 'flowMap', network, params: network.init(0), classes: [] } as const;
  const student = trainee({ model, learningRate: constantSchedule(1e-4) });
  const phase = objectivePhase({ network, objective: ayfEmd({ teacher: false }), batchSize, seed: 0 });
  return {
    name,
    repeats: 1,
    build: () => phasePrograms(phase, { student }, { flushDenormals: false }).update,
    state: initialState({ student }),
    feeds: () => phaseFeeds(phase, student, { step: 100, iterations: 1000 }, batch),
    flops: 4 * forwardFlops(network),
  };
}

function forwardFlops(network: Network): number {
  const [t, s] = [input('t', [batchSize]), input('s', [batchSize])];
  const params = Object.fromEntries(
    Object.entries(network.parameters).map(([name, { shape }]) => [name, input(name, shape)]),
  );
  const x = input('x', [batchSize, ...network.config.shape]);
  const conditions = { label: input('label', [batchSize], 'int32') };
  return countFlops([network.apply(params, { x, t, s, conditions })]);
}
