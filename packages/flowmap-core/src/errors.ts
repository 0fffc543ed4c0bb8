import { FlowmapError } from '@flowmap/tensor';

export { ConfigError } from '@flowmap/tensor';

/**
 * Data that cannot be read: a missing or empty folder, a truncated image, a file of the wrong format or over a limit.
 */
export class DataError extends FlowmapError {
  /** The option whose limit the file exceeds, if that is the fault: `maxPixels`. */
  readonly limit: string | undefined;

  constructor(
    /** File or folder at fault, or a name for data that came from elsewhere. */
    readonly path: string,
    message: string,
    options?: ErrorOptions & { readonly limit?: string },
  ) {
    super(oneLine(`${path}: ${message}`), options);
    this.limit = options?.limit;
  }
}

/**
 * A sample that is not what its dataset promises: its label is not one of the classes, or a value is NaN or infinite.
 */
export class SampleError extends DataError {
  constructor(
    /** Name of the dataset. */
    readonly dataset: string,
    /** Index of the sample in the dataset. */
    readonly sample: number,
    /** The label, or the value. */
    readonly value: number,
    message: string,
  ) {
    super(dataset, `sample ${sample} ${message}`);
  }
}

/**
 * A checkpoint or weights file that cannot be used: corrupt, truncated, over a limit, or made for another architecture.
 */
export class CheckpointError extends FlowmapError {
  /** Name of the tensor at fault, if it is a single tensor. */
  readonly tensor: string | undefined;

  /** The option whose limit the file exceeds, if that is the fault: `maxHeaderBytes`. */
  readonly limit: string | undefined;

  constructor(
    /** File at fault, or a name for bytes that came from elsewhere. */
    readonly source: string,
    message: string,
    options?: ErrorOptions & { readonly tensor?: string; readonly limit?: string },
  ) {
    super(oneLine(`${source}: ${message}`), options);
    this.tensor = options?.tensor;
    this.limit = options?.limit;
  }
}

/**
 * A solver's tolerance that cannot be met: its smallest steps are not exact enough, or it may not take enough of them.
 */
export class ToleranceError extends FlowmapError {
  constructor(
    readonly tolerance: number,
    /** How far the solver has come: index of the first sample that failed. */
    readonly sample: number,
    /** The time that it has reached. */
    readonly time: number,
    /** Length of the last step that was tried. */
    readonly step: number,
    /** The estimated error of that step in the terms of `tolerance`: what can be met with such steps. */
    readonly reached: number,
    message: string,
  ) {
    super(message);
  }
}

/** A file that cannot be written: the folder is read-only, the disk is full, the path is a folder. */
export class WriteError extends FlowmapError {
  constructor(
    /** The file that was to be written; its previous content is untouched. */
    readonly path: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(oneLine(`${path}: ${message}`), options);
  }
}

/** The process that holds a folder. */
export interface FolderHolder {
  /** Process ID. */
  readonly pid: number;
  /** Name of its machine. */
  readonly host: string;
  /** When it took the folder, ISO 8601. */
  readonly since: string;
}

/** A folder that is in use by another process, or by another call in this one. */
export class FolderInUseError extends FlowmapError {
  constructor(
    readonly folder: string,
    /** The holder; undefined when its lock cannot be read. */
    readonly holder: FolderHolder | undefined,
    /** Further advice for the message. */
    advice?: string,
  ) {
    const who = holder ? `process ${holder.pid} on ${holder.host} since ${holder.since}` : 'another process';
    const extra = advice === undefined ? '' : `. ${advice}`;
    super(`${folder} is in use by ${who}; wait until it has ended, stop it, or choose another folder${extra}`);
  }
}

/** File names may contain line feeds, which must not be mistaken for the end of a message. */
function oneLine(message: string): string {
  return message.replaceAll('\n', '\\n');
}
