import { euler, flowMapFrom, flowMapSampler, mlp, velocityField, type Model, type Objective } from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { features, slicedWasserstein } from '@flowmap/eval';
import { ayfEmd, flowMatching } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { hostTensor, normalBatch } from '@flowmap/tensor';
import {
  FEW,
  MANY,
  MEASURED,
  type Method,
  type Phase,
  type Points,
  type Report,
  type Samples,
  type Settings,
} from './messages.js';
import { openSampler, type PointSampler } from './sampler.js';
import { trainModel, type Gate } from './train.js';

/**
 * The whole run: trains a teacher on a checkerboard with flow matching, then distils it into a flow map with AYF-EMD.
 * Network and teacher are those of `examples/checkerboard`.
 */
export async function run(settings: Settings, report: (report: Report) => void, gate: Gate): Promise<void> {
  const { device, seed, batchSize, width, depth, points } = settings;
  const runtime = await onnxRuntime({ device });
  const data = checkerboard({ seed });
  const noise = normalBatch({ seed, purpose: 'picture' }, [points, 2]);
  const drawn = await data.batch(Array.from({ length: points }, (_, i) => 1e6 + i));
  const objectives = { teacher: flowMatching(), student: ayfEmd() };
  report({
    type: 'ready',
    runtime: runtime.name,
    methods: { teacher: methodOf(objectives.teacher), student: methodOf(objectives.student) },
    noise: Float32Array.from(noise),
    data: Float32Array.from(drawn.x),
  });

  const held = Float32Array.from(drawn.x);
  const common = { runtime, data, batchSize, seed, gate };
  const network = mlp({ shape: data.shape, width, depth });
  const progress =
    (phase: Phase) =>
    (step: number, loss: number, stepsPerSecond: number): void =>
      report({ type: 'progress', phase, step, loss, stepsPerSecond });

  const teacherSampler = await openSampler(runtime, network, euler(), noise);
  const teacher = await trainModel({
    ...common,
    model: { kind: 'velocity', network, params: network.init(seed), classes: [] },
    objective: objectives.teacher,
    learningRate: 2e-3,
    iterations: settings.teacherSteps,
    progress: progress('teacher'),
    pictures: 10,
    picture: async (step, params) => {
      const exact = await teacherSampler.sample(params, MANY);
      const many = { steps: MANY, points: exact, fromData: distanceFrom(held, exact) };
      const samples = [...(await few(teacherSampler, params, exact, held)), many];
      report({ type: 'samples', phase: 'teacher', step, samples });
    },
  });
  const exact = await teacherSampler.sample(teacher.params, MANY);
  await teacherSampler.dispose();

  const student = flowMapFrom(teacher, seed);
  const studentSampler = await openSampler(runtime, student.network, flowMapSampler(), noise);
  await trainModel({
    ...common,
    model: student,
    teacher: velocityField(teacher),
    objective: objectives.student,
    learningRate: 1e-3,
    iterations: settings.studentSteps,
    progress: progress('student'),
    pictures: 20,
    picture: async (step, params) => {
      report({ type: 'samples', phase: 'student', step, samples: await few(studentSampler, params, exact, held) });
    },
  });
  await studentSampler.dispose();
  report({ type: 'done' });
}

function methodOf({ name, about }: Objective): Method {
  return { title: about?.title ?? name, text: about?.text ?? '' };
}

async function few(sampler: PointSampler, params: Model['params'], exact: Points, data: Points): Promise<Samples[]> {
  const samples: Samples[] = [];
  for (const steps of FEW) {
    const points = await sampler.sample(params, steps);
    samples.push({ steps, points, distance: distance(points, exact), fromData: distanceFrom(data, points) });
  }
  return samples;
}

/** Root mean square distance between points. */
function distance(a: Points, b: Points): number {
  const total = a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
  return Math.sqrt(total / (a.length / 2));
}

/** How far points are from the data; in two dimensions, the sliced distance sees everything. */
function distanceFrom(data: Points, points: Points): number {
  const [some, others] = [points, data].map((all) => {
    const part = all.subarray(0, 2 * MEASURED);
    return features(hostTensor([part.length / 2, 2], part));
  });
  return slicedWasserstein(some!, others!).value;
}
