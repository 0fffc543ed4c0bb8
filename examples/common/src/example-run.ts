import type { Dataset, Network, Objective, StudentOptions } from '@flowmap/core';
import type { Runtime } from '@flowmap/tensor';
import type { DistillOptions } from '@flowmap/train/node';
import type { CommandContext, OptionValue } from 'flowmap/node';
import type { GuidanceScales } from './guidance.js';
import type { Presentation } from './presentation.js';
import type { Trained } from './run-folder.js';

/** Length and learning rate of a training. */
export interface Training {
  readonly iterations: number;
  readonly batchSize: number;
  /** Peak of the learning rate, which falls to 0 along half a cosine. */
  readonly learningRate: number;
}

/** A trained teacher, or how to train one. */
export type TeacherSource = Trained | (Training & { readonly network: Network });

/** A training of the distilled student. */
export interface Finetuning {
  readonly iterations: number;
  /** Peak of the student's learning rate. */
  readonly learningRate: number;
  /** The objective without its warm-up. */
  readonly objective: Objective;
  /** The adversarial term; unless given, the objective alone, with which it is to be compared. */
  readonly adversarial?: {
    /** `α`. */
    readonly weight: number;
    /** Peak of the discriminator's learning rate. */
    readonly learningRate: number;
    /** What the discriminator is: heads on the teacher's features, or a network of its own. */
    readonly judge: 'teacher' | 'own';
    /** Judged samples take from 1 to this many steps. */
    readonly steps: number;
    /** `β` of R1 and R2, and the steps between them. */
    readonly penalty: { readonly weight: number; readonly every: number };
    /** Whether images are changed at random before they are judged. */
    readonly augmented: boolean;
  };
}

/** Settings of an example run. */
export interface ExampleRun extends CommandContext {
  /** What the samples are, as a heading: `Emoji`. */
  readonly subject: string;
  readonly runtime: Runtime;
  readonly data: Dataset;
  /** Name, number of samples and classes of the data as worded in the report; derived from the data unless given. */
  readonly dataSummary?: string;
  readonly teacher: TeacherSource;
  /** How the student is trained, and how it differs from the teacher from which it starts. */
  readonly student: Training &
    Pick<DistillOptions, 'objective' | 'emaDecay'> & { readonly startingFrom?: StudentOptions };
  /** An already distilled student, in place of distilling one. */
  readonly distilled?: Trained;
  /** Autoguidance of the teacher by a weaker one; none unless given. */
  readonly guidance?: GuidanceScales & { readonly weak: TeacherSource };
  /** A training of the distilled student, whose result takes its place; none unless given. */
  readonly finetuning?: Finetuning;
  readonly seed: number;
  /** Training steps per call of the runtime; 1 unless given. */
  readonly stepsPerRun?: number;
  /** Whether images are mirrored at random; false unless given. */
  readonly flip?: boolean;
  /** Folder of the run; a number is appended if it holds a finished run. */
  readonly out: string;
  /** Whether event files for TensorBoard are written beside the logs; false unless given. */
  readonly tensorboard?: boolean;
  /**
   * All options that affect the results, including defaults, for config.json; a run is only resumed with the
   * same options.
   */
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly presentation: Presentation;
  /** The distance of samples from the data, for images; not measured unless given. */
  readonly distances?: {
    /** Samples of student and teacher at each number of steps. */
    readonly samples: number;
    /** File of the data's statistics; one in the run's folder, made from the data, unless given. */
    readonly statistics?: string;
    /** Whether the student is also measured by the consistency sampler; false unless given. */
    readonly consistency?: boolean;
  };
  /**
   * Measurements of the averaged student during distillation, by the distance of its samples from the data;
   * none unless given.
   */
  readonly evaluations?: {
    /** Steps of the distillation between them. */
    readonly every: number;
    /** Numbers of steps of the samples. */
    readonly steps: readonly number[];
    /** Number of samples for each, at least 2. */
    readonly samples: number;
  };
  /** Samples to show and measure; the 256 of the RMSE unless given. */
  readonly samples?: number;
}
