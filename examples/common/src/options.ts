import { InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';

/** Possible values of an option; `null` = not given. */
export type OptionValue = string | number | boolean | null | readonly number[];

/** One command-line option: how its value is written, its meaning and its default. */
export interface OptionSpec<T extends OptionValue = OptionValue> {
  readonly description: string;
  /** Placeholder for the value in `--help`; absent for a switch, which takes none. */
  readonly placeholder?: string;
  readonly schema: z.ZodType<T, string>;
  /** Default value; an option without one is required. */
  readonly fallback?: T;
}

/** Options by name in camel case; `batchSize` is written `--batch-size`. */
export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** The values of a table's options. */
export type Config<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends OptionSpec<infer T> ? T : never;
};

/** A whole number of at least `least`; optional if the fallback is `null`. */
export function whole<F extends number | null>(description: string, fallback: F, least = 1): OptionSpec<number | F> {
  const wanted = `Wanted a whole number of at least ${least}.`;
  const schema = digits(wanted).refine((value) => value >= least, wanted);
  return { description, placeholder: 'N', schema, fallback };
}

/** Whole numbers of at least 1, separated by commas. */
export function wholes(description: string, fallback: readonly number[]): OptionSpec<readonly number[]> {
  const wanted = 'Wanted whole numbers of at least 1 separated by commas, such as 32,64,128.';
  const schema = z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(digits(wanted).refine((value) => value >= 1, wanted)));
  return { description, placeholder: 'N,N,…', schema, fallback };
}

/** A positive number; optional if the fallback is `null`. */
export function positive<F extends number | null>(description: string, fallback: F): OptionSpec<number | F> {
  const schema = numbers('Wanted a positive number.', (value) => value > 0 && value < Infinity);
  return { description, placeholder: 'X', schema, fallback };
}

/** A number of at least 0 and less than 1; optional if the fallback is `null`. */
export function fraction<F extends number | null>(description: string, fallback: F): OptionSpec<number | F> {
  const schema = numbers('Wanted a number of at least 0 and less than 1.', (value) => value >= 0 && value < 1);
  return { description, placeholder: 'X', schema, fallback };
}

/** A file or folder; required. */
export function requiredPath(description: string, placeholder: 'DIR' | 'FILE'): OptionSpec<string> {
  return { description, placeholder, schema: z.string().min(1, 'Wanted a path.') };
}

/** A file or folder; optional if the fallback is `null`. */
export function pathOr<F extends string | null>(
  description: string,
  placeholder: 'DIR' | 'FILE',
  fallback: F,
): OptionSpec<string | F> {
  return { ...requiredPath(description, placeholder), fallback };
}

/** One of the given words; optional if the fallback is `null`. */
export function choice<T extends string, F extends T | null>(
  description: string,
  words: readonly T[],
  fallback: F,
): OptionSpec<T | F> {
  const schema = z.enum(words, `Wanted one of ${words.join(', ')}.`) as z.ZodType<T, string>;
  return { description, placeholder: words.join('|'), schema, fallback };
}

/** A switch: false unless given. */
export function flag(description: string): OptionSpec<boolean> {
  return { description, schema: z.string().transform(() => true), fallback: false };
}

/** Options of what is written during training besides the log. */
export const LOGGING_OPTIONS = {
  tensorboard: flag('write event files for TensorBoard beside the logs'),
};

/** The option in the parser's form: `--kebab-case <N>`, with its default shown by `--help`. */
export function toCommander(name: string, { description, placeholder, schema, fallback }: OptionSpec): Option {
  const long = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  if (placeholder === undefined) return new Option(long, description).default(fallback);
  const option = new Option(`${long} <${placeholder}>`, description).argParser((text: string) => {
    const result = schema.safeParse(text);
    if (!result.success) throw new InvalidArgumentError(result.error.issues[0]?.message ?? 'Not understood.');
    return result.data;
  });
  if (fallback === undefined) return option.makeOptionMandatory();
  return fallback === null
    ? option
    : option.default(fallback, typeof fallback === 'object' ? fallback.join(',') : String(fallback));
}

function numbers(wanted: string, fits: (value: number) => boolean): z.ZodType<number, string> {
  return z.string().regex(/\d/, wanted).transform(Number).refine(fits, wanted);
}

function digits(wanted: string): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^\d{1,15}$/, wanted)
    .transform(Number);
}
