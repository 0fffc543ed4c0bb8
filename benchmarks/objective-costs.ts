import { cpus } from 'node:os';
import { dit, flowMapFrom, pathOf, unet, velocityField, type Batch, type Model, type Network } from '@flowmap/core';
import { median } from '@flowmap/example-common';
import { OBJECTIVE_NAMES, objectiveNamed } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { countFlops, hostTensor, program, uniforms, type Program, type Runtime } from '@flowmap/tensor';
import { initialState, objectivePhase, phaseFeeds, phasePrograms, trainee } from '@flowmap/train';
import { takeStep } from './measure.js';
import type { Workload } from './workloads.js';

/** How objectives are timed. */
export interface ObjectiveCosts {
  readonly threads: number;
  readonly rounds: number;
  /** Small networks, to try it. */
  readonly small: boolean;
  /** Names of objectives; all unless there are some. */
  readonly objectives: readonly string[];
}

/** A teacher with the number of samples of a step. */
interface Subject {
  readonly name: string;
  readonly network: Network;
  readonly batchSize: number;
}

function subjectsOf(small: boolean): readonly Subject[] {
  const tiny = { width: 32, depth: 2, heads: 2 };
  return small
    ? [
        { name: 'DiT', network: dit({ shape: [3, 8, 8], patch: 4, ...tiny }), batchSize: 2 },
        { name: 'UNet', network: unet({ shape: [3, 8, 8], channels: [16, 32] }), batchSize: 2 },
      ]
    : [
        { name: 'DiT', network: dit({ shape: [3, 32, 32], patch: 4, width: 256, depth: 8 }), batchSize: 32 },
        { name: 'UNet', network: unet({ shape: [3, 24, 24], channels: [32, 64, 128] }), batchSize: 32 },
      ];
}

/**
 * Times one training step of each objective in units of an evaluation of the student's network, the two in turn, and prints
 * it beside the operations of the step in units of those of an evaluation. A step includes a teacher of the same size, if any,
 * AdamW and the moving average.
 */
export async function timeObjectives({ threads, rounds, small, objectives }: ObjectiveCosts): Promise<void> {
  const runtime = await onnxRuntime({ device: 'cpu', threads });
  console.log(
    `${cpus()[0]?.model ?? 'processor'}, ${threads} threads, Node ${process.versions.node}, ${runtime.name}; medians of ${rounds}\n`,
  );
  const names = objectives.length > 0 ? objectives : OBJECTIVE_NAMES;
  for (const subject of subjectsOf(small)) {
    console.log(`| ${subject.name} | counted | measured | measured / counted | step ms |`);
    console.log('| --- | ---: | ---: | ---: | ---: |');
    for (const name of names) console.log(`| ${(await costsOf(runtime, subject, name, rounds)).join(' | ')} |`);
    console.log('');
  }
}

async function costsOf(runtime: Runtime, subject: Subject, name: string, rounds: number): Promise<string[]> {
  const workloads = [evaluation(subject), step(subject, name)] as const;
  const executables = [];
  for (const workload of workloads) {
    const executable = await runtime.compile(workload.build());
    await executable.writeState(workload.state);
    executables.push(executable);
  }
  const times: [number, number][] = [];
  for (let round = 0; round < rounds + 2; round++) {
    const row: number[] = [];
    for (const [i, workload] of workloads.entries()) row.push((await takeStep(executables[i]!, workload)).wall);
    if (round >= 2) times.push(row as [number, number]); // the first two are warm-ups
  }
  for (const executable of executables) await executable.dispose();
  const measured = median(times.map(([once, whole]) => whole / once));
  const counted = workloads[1].flops / workloads[0].flops;
  const ms = median(times.map(([, whole]) => whole));
  return [`\`${name}\``, counted.toFixed(2), measured.toFixed(2), (measured / counted).toFixed(2), ms.toFixed(0)];
}

/** One evaluation of the student's network, with its parameters as a state, as in a step. */
function evaluation(subject: Subject): Workload {
  const { network, params } = studentOf(subject);
  const { batchSize } = subject;
  const points = [batchSize, ...network.config.shape];
  const inputs = { x: points, t: [batchSize], s: [batchSize] };
  const built = program('evaluation', { inputs, state: network.parameters }, ({ x, t, s }, state) => ({
    outputs: { F: network.apply(state, { x, t, s }) },
  }));
  const feeds = {
    x: hostTensor(points, batchOf(subject).x),
    t: hostTensor([batchSize], new Float32Array(batchSize).fill(0.7)),
    s: hostTensor([batchSize], new Float32Array(batchSize).fill(0.2)),
  };
  return {
    name: 'evaluation',
    build: () => built,
    state: params,
    feeds: () => feeds,
    repeats: 1,
    flops: flopsOf(built),
  };
}

/** A step of an objective; if that needs a teacher, one of the network's size. */
function step(subject: Subject, name: string): Workload {
  const { batchSize } = subject;
  const objective = objectiveNamed(name);
  const path = pathOf({ path: objective.needs.path ?? 'linear' });
  const model = studentOf(subject);
  const student = trainee({ model, objective, learningRate: 1e-4 });
  const taught = objective.needs.teacher ? { teacher: velocityField(teacherOf(subject)) } : {};
  const phase = objectivePhase({ network: model.network, objective, ...taught, path, batchSize, seed: 0 });
  const built = phasePrograms(phase, { student }, { flushDenormals: false }).update;
  const batch = batchOf(subject);
  return {
    name,
    build: () => built,
    state: initialState({ student }, phase.fixed),
    feeds: () => phaseFeeds(phase, student, { step: 100, iterations: 1000 }, batch),
    repeats: 1,
    flops: flopsOf(built),
  };
}

function flopsOf({ outputs, updates }: Program): number {
  return countFlops([...Object.values(outputs), ...Object.values(updates)]);
}

function teacherOf({ network }: Subject): Model {
  return { kind: 'velocity', network, params: network.init(0), classes: [] };
}

function studentOf(subject: Subject): Model {
  return flowMapFrom(teacherOf(subject), 0);
}

function batchOf({ network, batchSize }: Subject): Batch {
  const size = network.config.shape.reduce((product, extent) => product * extent, batchSize);
  const x = Float32Array.from(uniforms({ seed: 0, purpose: 'data' }, size), (u) => 2 * u - 1);
  return { x, conditions: {} };
}
