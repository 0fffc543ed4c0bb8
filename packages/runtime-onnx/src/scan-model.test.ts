import { fromBinary } from '@bufbuild/protobuf';
import { dit, unet, type Network } from '@flowmap/core';
import { ayfEmd } from '@flowmap/objectives';
import { program, stackHostTensors, type HostTensors } from '@flowmap/tensor';
import { constantSchedule, initialState, objectivePhase, phaseFeeds, phasePrograms, trainee } from '@flowmap/train';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModelProtoSchema, type GraphProto } from 'onnx-buf';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { standardRules } from './lowering/table.js';
import { onnxRuntime } from './onnx-runtime.js';
import { scanModel } from './scan-model.js';
import { modelOf } from './to-onnx.js';

let scratch = '';
beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'flowmap-scan-'))));
afterAll(async () => rm(scratch, { recursive: true }));

const image = { shape: [3, 8, 8], classes: 3, interval: true } as const;
const networks: readonly (readonly [string, Network])[] = [
  ['a DiT', dit({ ...image, width: 16, depth: 2, patch: 2 })],
  ['a UNet', unet({ ...image, channels: [16, 32] })],
];
const batchSize = 2;

/** A training step of a network, with its inputs at each step and its state before the first. */
function training(network: Network) {
  const student = trainee({
    model: { kind: 'flowMap', network, params: network.init(0), classes: ['a', 'b', 'c'] },
    learningRate: constantSchedule(1e-3),
    averages: { ema: constantSchedule(0.9) },
  });
  const phase = objectivePhase({ network, objective: ayfEmd({ teacher: false }), batchSize, seed: 0 });
  const batch = { x: new Float32Array(batchSize * 192).fill(0.5), conditions: { label: Int32Array.of(0, 2) } };
  return {
    step: phasePrograms(phase, { student }).update,
    feedsAt: (step: number): HostTensors => phaseFeeds(phase, student, { step, iterations: 3 }, batch),
    state: initialState({ student }),
  };
}

const graphOf = (model: Uint8Array): GraphProto => fromBinary(ModelProtoSchema, model).graph!;
const bodyOf = ({ node }: GraphProto): GraphProto => node[0]!.attribute.find(({ name }) => name === 'body')!.g!;

/** Number of nodes per operator. */
function operators({ node }: GraphProto): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { opType } of node) counts[opType] = (counts[opType] ?? 0) + 1;
  return counts;
}

/** The graph into which onnxruntime optimizes a model. */
async function optimized(model: Uint8Array): Promise<GraphProto> {
  const file = join(scratch, 'optimized.onnx');
  const options = { graphOptimizationLevel: 'all', optimizedModelFilePath: file, logSeverityLevel: 3 } as const;
  await (await InferenceSession.create(model, options)).release();
  return graphOf(await readFile(file));
}

describe('scanModel', () => {
  test('is one Scan that carries what changes; the rest is seen from outside', () => {
    const args = { inputs: { x: [2] }, state: { kept: [2], total: [2] } };
    const built = program('sum', args, ({ x }, { kept, total }) => {
      const next = total.add(x.mul(kept));
      return { outputs: { x, next }, state: { total: next } };
    });
    const graph = graphOf(scanModel(built, standardRules, 3));
    expect(graph.node.map(({ opType, input, output }) => ({ opType, input, output }))).toEqual([
      { opType: 'Scan', input: ['state:total', 'x'], output: ['next:total', 'output:x', 'next'] },
    ]);
    expect(graph.input.map(({ name }) => name)).toEqual(['x', 'state:kept', 'state:total']);
    expect(bodyOf(graph).input.map(({ name }) => name)).toEqual(['%step:state:total', '%step:x']);
    expect(bodyOf(graph).node[0]!.input).toEqual(['%step:x', 'state:kept']);
  });

  test.each(networks)('its body is optimized as the step of %s is by itself', async (_, network) => {
    const { step } = training(network);
    const alone = operators(await optimized(modelOf(step, standardRules)));
    expect(operators(bodyOf(await optimized(scanModel(step, standardRules, 4))))).toEqual(alone);
    expect(alone['FusedMatMul']).toBeGreaterThan(0);
  });

  test.each(networks)('trains %s as single runs do, to the bit', async (_, network) => {
    const { step, feedsAt, state } = training(network);
    const feeds = [0, 1, 2].map(feedsAt);
    const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
    const [single, several] = [await runtime.compile(step), await runtime.compile(step, { stepsPerRun: 3 })];
    for (const executable of [single, several]) await executable.writeState(state);
    for (const inputs of feeds) await single.run(inputs);
    const names = Object.keys(feeds[0]!);
    await several.run(Object.fromEntries(names.map((name) => [name, stackHostTensors(feeds.map((f) => f[name]!))])));
    expect(await several.readState()).toEqual(await single.readState());
    await single.dispose();
    await several.dispose();
  });
});
