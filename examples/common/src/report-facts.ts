import type { NetworkConfig, Objective } from '@flowmap/core';
import { durationText, numberText, type Facts } from '@flowmap/eval';
import type { Metrics } from './metrics.js';
import type { ExampleRun, Finetuning, Training } from './example-run.js';

/** What was trained, and how. */
export function settingsOf(run: ExampleRun, network: NetworkConfig, parameters: number): Facts {
  const { data, teacher, student, guidance, finetuning, seed, flip = false } = run;
  const number = Number.isFinite(data.length) ? `${numberText(data.length)} samples` : 'samples, drawn afresh,';
  const classes = data.classes.length > 0 ? `, ${data.classes.length} classes` : '';
  const shape = data.shape.join(' × ');
  const known =
    run.dataSummary === undefined ? `${data.name}: ${number} of ${shape}${classes}` : `${run.dataSummary}; as ${shape}`;
  return {
    data: `${known}${flip ? ', mirrored at random' : ''}`,
    network: `${network.type}, ${numberText(parameters)} parameters`,
    ...sizesOf(network),
    teacher: 'model' in teacher ? 'from a checkpoint' : `flow matching, ${trainingOf(teacher)}`,
    student: run.distilled ? 'from a checkpoint' : `${titleOf(student.objective)}, ${trainingOf(student)}`,
    ...(guidance ? { guidance: guidanceText(guidance) } : {}),
    ...(finetuning ? { finetuning: finetuningText(finetuning, student.batchSize) } : {}),
    seed,
  };
}

/** Where the time went, and on what machine. */
export function timingsOf({ runtime }: ExampleRun, metrics: Metrics): Facts {
  const { trainStep, matmul, seconds, wallSeconds, machine, versions } = metrics;
  const share = ((100 * trainStep.gflops) / matmul.gflops).toFixed(0);
  return {
    ...Object.fromEntries(Object.entries(seconds).map(([part, value]) => [part, durationText(value)])),
    'from start to report': durationText(wallSeconds),
    'a step of distillation': `${trainStep.seconds.toPrecision(3)} s, ${trainStep.gflops.toFixed(1)} GFLOP/s`,
    'a matrix product': `${matmul.gflops.toFixed(1)} GFLOP/s, so a step reaches ${share} %`,
    machine: `${machine['processor']}, ${machine['cores']} cores, ${machine['memoryGiB']} GiB, ${machine['system']}`,
    runtime: runtime.name,
    versions: Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  };
}

function guidanceText({ scale, upTo, until }: NonNullable<ExampleRun['guidance']>): string {
  const told =
    upTo === undefined ? '' : `; drawn from 1 to ${numberText(upTo)}, which the student takes as a condition`;
  const times = until === undefined ? '' : ` at times up to ${numberText(until)}`;
  return `by a weak teacher, λ ${numberText(scale)}${times}${told}`;
}

function finetuningText({ adversarial, ...training }: Finetuning, batchSize: number): string {
  const term = adversarial ? `with an adversarial term of weight ${numberText(adversarial.weight)}` : 'alone';
  return `${titleOf(training.objective)} ${term}, ${trainingOf({ ...training, batchSize })}`;
}

/** An objective's name as written in text. */
export function titleOf({ about, name }: Objective): string {
  return about?.title ?? name;
}

/** A network's own options, without those that every network has. */
function sizesOf(network: NetworkConfig): Facts {
  const sizes = Object.entries(network).filter(([name]) => !['type', 'shape', 'classes', 'interval'].includes(name));
  const words = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return Object.fromEntries(
    sizes.map(([name, value]) => [
      words(name),
      Array.isArray(value) ? value.join(', ') : typeof value === 'object' ? JSON.stringify(value) : String(value),
    ]),
  );
}

function trainingOf({ iterations, batchSize, learningRate }: Training): string {
  return `${numberText(iterations)} iterations of ${batchSize}, learning rate up to ${numberText(learningRate)}`;
}
