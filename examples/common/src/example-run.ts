import type { Dataset, Network } from '@flowmap/core';
import type { Runtime } from '@flowmap/tensor';
import type { DistillOptions } from '@flowmap/train/node';
import type { CommandContext } from './command.js';
import type { OptionValue } from './options.js';
import type { Presentation } from './presentation.js';
import type { Trained } from './run-folder.js';

/** How long and how fast something is trained. */
export interface Training {
  readonly iterations: number;
  readonly batchSize: number;
  /** Peak of the learning rate, which falls to 0 as half a cosine. */
  readonly learningRate: number;
}

/** A teacher that was trained before, or how to train one. */
export type TeacherSource = Trained | (Training & { readonly network: Network });

/** What an example run is made of. */
export interface ExampleRun extends CommandContext {
  /** What the samples are, as a heading has it: `Emoji`. */
  readonly subject: string;
  readonly runtime: Runtime;
  readonly data: Dataset;
  /** Name, number of samples and classes of the data in the words of the report; counted from the data unless given. */
  readonly dataSummary?: string;
  readonly teacher: TeacherSource;
  readonly student: Training & Pick<DistillOptions, 'objective' | 'emaDecay'>;
  readonly seed: number;
  /** Training steps in one call of the runtime; 1 unless given. */
  readonly stepsPerRun?: number;
  /** Mirror images at random; false unless given. */
  readonly flip?: boolean;
  /** Folder of the run; with a number appended when it holds a finished one. */
  readonly out: string;
  /** All options but `out`, defaults among them, for config.json; a run is resumed only with the same. */
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly presentation: Presentation;
  /** Samples to show and measure; 256, those of the RMSE, unless given. */
  readonly samples?: number;
}
