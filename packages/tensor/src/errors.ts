/**
 * Unprintable characters: control and formatting characters, unpaired surrogates, line separators; but not line feed
 * and tab.
 */
const UNPRINTABLE = /(?![\n\t])\p{C}|\p{Zl}|\p{Zp}/gu;

/** Key under which an error keeps the names of its classes; one symbol for all copies of this package. */
const MARK = Symbol.for('flowmap.error');

/**
 * Base class of every error that Flowmap throws on purpose. A message may contain text from a file; unprintable
 * characters, such as those that control a terminal or reverse the writing direction, are escaped as `\u{1b}`.
 *
 * `instanceof` works for errors of any copy of a package: two copies in one program do not share their classes, and
 * recognise each other's by name. Names that a minifier has shortened are not compared, so bundles need `keepNames` for
 * this.
 */
export class FlowmapError extends Error {
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
    return this.name.endsWith('Error') && classNames(value).includes(this.name);
  }

  constructor(message: string, options?: ErrorOptions) {
    super(
      message.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`),
      options,
    );
    this.name = new.target.name;
    Object.defineProperty(this, MARK, { value: lineage(new.target) });
  }
}

/** Names of a class and its base classes, up to {@link FlowmapError}. */
function lineage(errorClass: typeof FlowmapError): string[] {
  if (errorClass === FlowmapError) return [errorClass.name];
  return [errorClass.name, ...lineage(Object.getPrototypeOf(errorClass) as typeof FlowmapError)];
}

/** Names of the classes of an error from any copy of the package; none for other values. */
function classNames(value: unknown): readonly string[] {
  return value instanceof Error ? ((value as { readonly [MARK]?: readonly string[] })[MARK] ?? []) : [];
}

/** Shapes that do not fit together; thrown while a program is built, before anything runs. */
export class ShapeError extends FlowmapError {
  constructor(
    /** The operation that was called, as the user wrote it. */
    readonly operation: string,
    /** What it expects, in words. */
    readonly wanted: string,
    /** The shapes it got. */
    readonly got: readonly (readonly number[])[],
  ) {
    super(`${operation}: wanted ${wanted}, got ${got.map((shape) => `[${shape.join(', ')}]`).join(' and ')}`);
  }
}

/** A data type that an operation does not accept; thrown while a program is built. */
export class DTypeError extends FlowmapError {
  constructor(
    readonly operation: string,
    readonly wanted: string,
    readonly got: readonly string[],
  ) {
    super(`${operation}: wanted ${wanted}, got ${got.join(' and ')}`);
  }
}

/** An invalid option or configuration value. */
export class ConfigError extends FlowmapError {
  constructor(
    /** The option, as the user writes it: `dit.width`, `--size`. */
    readonly option: string,
    message: string,
  ) {
    super(`${option}: ${message}`);
  }
}

/**
 * A program that cannot be built: a duplicate name, an output that depends on another program's input, a state of the
 * wrong shape.
 */
export class ProgramError extends FlowmapError {
  constructor(
    readonly program: string,
    message: string,
  ) {
    super(`program '${program}': ${message}`);
  }
}

/**
 * A tensor given to `Executable.run` or `writeState` that the program does not accept: unknown or missing name, wrong
 * shape or dtype.
 */
export class FeedError extends FlowmapError {
  constructor(
    readonly program: string,
    /** Name of the offending input or state. */
    readonly tensor: string,
    message: string,
  ) {
    super(`program '${program}': ${message}`);
  }
}

/** An executable with which a program cannot share states; thrown by `compile`. */
export class SharingError extends FlowmapError {
  constructor(
    readonly program: string,
    message: string,
    /** Name of the state that differs; undefined if the executable as a whole does not fit. */
    readonly state?: string,
  ) {
    super(`program '${program}' cannot share states: ${message}`);
  }
}

/** A random key with a number out of range, which would silently name another stream. */
export class RandomKeyError extends FlowmapError {
  constructor(
    readonly field: 'seed' | 'step' | 'sample',
    readonly value: number,
    wanted: string,
  ) {
    super(`random key: ${field} wants a whole number in ${wanted}, got ${value}`);
  }
}

/** A device tensor or an executable used after its memory was released. */
export class DisposedError extends FlowmapError {
  constructor(
    /** What was released, in the user's terms: `output 'loss' of program 'step'`, `program 'step'`. */
    readonly label: string,
  ) {
    super(`${label} was disposed; use it before dispose()`);
  }
}

/** A runtime, or one of its back ends, that cannot be used here; the message says how to install it. */
export class RuntimeUnavailableError extends FlowmapError {
  constructor(
    readonly runtime: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${runtime}: ${message}`, options);
  }
}

/** A primitive that a runtime does not support. */
export class UnsupportedError extends FlowmapError {
  constructor(
    readonly runtime: string,
    readonly feature: string,
    advice: string,
  ) {
    super(`${runtime}: ${feature} is not supported; ${advice}`);
  }
}

/** A program with a tensor of a dtype that the runtime does not have; thrown by `compile`. */
export class UnsupportedDTypeError extends UnsupportedError {
  constructor(
    runtime: string,
    readonly program: string,
    readonly dtype: string,
    /** The first tensor of that dtype: `input 'x'`, or the primitive that makes it. */
    readonly tensor: string,
    /** The dtypes that the runtime has. */
    readonly supported: readonly string[],
  ) {
    const advice = `it has ${supported.join(', ')}: cast to float32 in the program, or use another runtime`;
    super(runtime, `${dtype}, the dtype of ${tensor} in program '${program}',`, advice);
  }
}

/**
 * Describes a caught value for the message of the error that it causes: an error's message, or any other value as text.
 */
export function causeText(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
