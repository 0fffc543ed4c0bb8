import type { Batch, Phase } from '@flowmap/core';
import type { Executable, HostTensors, Program, Runtime } from '@flowmap/tensor';
import { lossPrograms } from '../phase-programs.js';
import { initialState } from '../trainee.js';
import type { Trainees } from './groups.js';
import { answersTo, compiledQuestions, scalarsOf, type CompiledQuestion, type Quantities } from './steps.js';

/** The loss of a phase, ready to run. */
export interface CompiledLoss {
  readonly phase: Phase;
  readonly questions: readonly CompiledQuestion[];
  readonly executable: Executable;
}

/** The loss and metrics for the feeds of a batch, after asking opaque fields. */
export async function lossValues(
  { phase, questions, executable }: CompiledLoss,
  feeds: HostTensors,
): Promise<Quantities> {
  const known: HostTensors = { ...feeds, ...(await answersTo(questions, phase.opaque, feeds)) };
  const names = Object.keys(executable.program.inputs);
  const outputs = await executable.run(Object.fromEntries(names.map((name) => [name, known[name]!])));
  const values = await scalarsOf(outputs);
  for (const tensor of Object.values(outputs)) tensor.dispose();
  return values;
}

/** What {@link lossesOfSteps} evaluates. */
export interface UntrainedPhase {
  readonly runtime: Runtime;
  readonly phase: Phase;
  readonly trainees: Trainees;
  readonly batch: Batch;
  /** Steps whose draws the batch gets. */
  readonly steps: number;
}

/** The loss and metrics of a phase in each of some steps, with the same batch and parameters in all of them. */
export async function lossesOfSteps({
  runtime,
  phase,
  trainees,
  batch,
  steps,
}: UntrainedPhase): Promise<readonly Quantities[]> {
  const programs = lossPrograms(phase, trainees);
  const state = initialState(trainees, phase.fixed);
  const open: Executable[] = [];
  const compile = async (program: Program): Promise<Executable> => {
    const [sharing] = open;
    const executable = await runtime.compile(program, sharing ? { sharing } : {});
    open.push(executable);
    const names = Object.keys(program.state);
    await executable.writeState(Object.fromEntries(names.map((name) => [name, state[name]!])));
    return executable;
  };
  try {
    const questions = await compiledQuestions(programs.questions, compile);
    const loss = { phase, questions, executable: await compile(programs.loss) };
    const values: Quantities[] = [];
    for (let step = 0; step < steps; step++) {
      values.push(await lossValues(loss, phase.feeds({ step, iterations: steps }, batch)));
    }
    return values;
  } finally {
    for (const executable of open) await executable.dispose();
  }
}
