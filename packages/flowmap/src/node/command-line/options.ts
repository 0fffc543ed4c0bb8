import { Argument, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';

/** Possible values of an option; `null` = not given. */
export type OptionValue = string | number | boolean | null | readonly number[] | readonly string[];

/** One command-line option or argument: how its value is written, its meaning and its default. */
export interface OptionSpec<T extends OptionValue = OptionValue> {
  readonly description: string;
  /** Placeholder for the value in `--help`; absent for a switch, which takes none. */
  readonly placeholder?: string;
  readonly schema: z.ZodType<T, string>;
  /** Default value; an option without one is required. */
  readonly fallback?: T;
  /** True for an argument, which is known by its place and required. */
  readonly isArgument?: boolean;
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

/** A height and a width as `24x32`, or one side of a square; optional if the fallback is `null`. */
export function side<F extends number | null>(
  description: string,
  fallback: F,
): OptionSpec<number | readonly number[] | F> {
  const wanted = 'Wanted a whole number of at least 1, or a height and a width such as 24x32.';
  const schema = z
    .string()
    .transform((text) => text.split('x'))
    .pipe(
      z
        .array(digits(wanted).refine((value) => value >= 1, wanted))
        .min(1, wanted)
        .max(2, wanted),
    )
    .transform(([height, width = height]): number | readonly number[] =>
      width === height ? height! : [height!, width!],
    );
  return { description, placeholder: 'N|HxW', schema, fallback };
}

/** The height and width that a value of {@link side} stands for. */
export function sidesOf(value: number | readonly number[]): readonly [height: number, width: number] {
  return typeof value === 'number' ? [value, value] : [value[0]!, value[1]!];
}

/** A positive number; optional if the fallback is `null`. */
export function positive<F extends number | null>(description: string, fallback: F): OptionSpec<number | F> {
  const schema = numbers('Wanted a positive number.', (value) => value > 0 && value < Infinity);
  return { description, placeholder: 'X', schema, fallback };
}

/** Positive numbers, separated by commas. */
export function positives(description: string, fallback: readonly number[]): OptionSpec<readonly number[]> {
  const wanted = 'Wanted positive numbers separated by commas, such as 1.5,2,3.';
  const schema = z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(numbers(wanted, (value) => value > 0 && value < Infinity)));
  return { description, placeholder: 'X,X,…', schema, fallback };
}

/** Numbers from 0 to 1, separated by commas; optional if the fallback is `null`. */
export function unitNumbers<F extends readonly number[] | null>(
  description: string,
  fallback: F,
): OptionSpec<readonly number[] | F> {
  const wanted = 'Wanted numbers from 0 to 1 separated by commas, such as 1,0.6,0.';
  const schema = z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(numbers(wanted, (value) => value >= 0 && value <= 1)));
  return { description, placeholder: 'X,X,…', schema, fallback };
}

/** A number of at least 0 and less than 1; optional if the fallback is `null`. */
export function fraction<F extends number | null>(description: string, fallback: F): OptionSpec<number | F> {
  const schema = numbers('Wanted a number of at least 0 and less than 1.', (value) => value >= 0 && value < 1);
  return { description, placeholder: 'X', schema, fallback };
}

/** A required file or folder given as an argument, known by its place: `sample CHECKPOINT`. */
export function pathArgument(description: string): OptionSpec<string> {
  return { ...requiredPath(description, 'FILE'), isArgument: true };
}

/** Any text but an empty one; optional if the fallback is `null`. */
export function words<F extends string | null>(
  description: string,
  placeholder: string,
  fallback: F,
): OptionSpec<string | F> {
  return { description, placeholder, schema: z.string().min(1, 'Wanted a text.'), fallback };
}

/** Texts separated by commas; optional if the fallback is `null`. */
export function names<F extends readonly string[] | null>(
  description: string,
  placeholder: string,
  fallback: F,
): OptionSpec<readonly string[] | F> {
  const schema = z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.string().min(1, 'Wanted names separated by commas.')));
  return { description, placeholder, schema, fallback };
}

/** Some of the given words, separated by commas. */
export function choices<T extends string>(
  description: string,
  among: readonly T[],
  fallback: readonly T[],
): OptionSpec<readonly T[]> {
  const wanted = `Wanted some of ${among.join(', ')}, separated by commas.`;
  const schema = z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(among, wanted) as z.ZodType<T, string>));
  return { description, placeholder: 'A,B,…', schema, fallback };
}

/** A file or folder; required. */
export function requiredPath(description: string, placeholder: 'DIR' | 'FILE'): OptionSpec<string> {
  const schema = z
    .string()
    .min(1, 'Wanted a path.')
    // Node reads bytes that are not UTF-8 as this character, which would name another file.
    .refine((path) => !path.includes('\ufffd'), 'Wanted a path in UTF-8.');
  return { description, placeholder, schema };
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

/** One of the given words, required, given as an argument, known by its place: `weights NAME`. */
export function choiceArgument<T extends string>(description: string, words: readonly T[]): OptionSpec<T> {
  const { schema, placeholder } = choice(description, words, null);
  return { description, placeholder: placeholder!, schema: schema as z.ZodType<T, string>, isArgument: true };
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
export function toCommanderOption(name: string, spec: OptionSpec): Option {
  const { description, placeholder, fallback } = spec;
  const long = optionName(name);
  if (placeholder === undefined) return new Option(long, description).default(fallback);
  const option = new Option(`${long} <${placeholder}>`, description).argParser(parserOf(spec));
  if (fallback === undefined) return option.makeOptionMandatory();
  return fallback === null
    ? option
    : option.default(fallback, typeof fallback === 'object' ? fallback.join(',') : String(fallback));
}

/** The argument in the parser's form: `<kebab-case>`. */
export function toCommanderArgument(name: string, spec: OptionSpec): Argument {
  return new Argument(`<${kebab(name)}>`, spec.description).argParser(parserOf(spec));
}

function parserOf({ schema }: OptionSpec): (text: string) => OptionValue {
  return (text) => {
    const result = schema.safeParse(text);
    if (!result.success) throw new InvalidArgumentError(result.error.issues[0]?.message ?? 'Not understood.');
    return result.data;
  };
}

/** An option as it is written: `--batch-size` of `batchSize`. */
export function optionName(name: string): string {
  return `--${kebab(name)}`;
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
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
