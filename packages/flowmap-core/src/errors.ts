import { FlowmapError } from '@flowmap/tensor';

/** Data that cannot be read: a missing or empty folder, a truncated image, a file of the wrong format or over a limit. */
export class DataError extends FlowmapError {
  /** The option whose limit the file is over, where that is the fault: `maxPixels`. */
  readonly limit: string | undefined;

  constructor(
    /** File or folder at fault. */
    readonly path: string,
    message: string,
    options?: ErrorOptions & { readonly limit?: string },
  ) {
    super(oneLine(`${path}: ${message}`), options);
    this.limit = options?.limit;
  }
}

/** A checkpoint or weights file that cannot be used: corrupt, truncated, over a limit, or made for another architecture. */
export class CheckpointError extends FlowmapError {
  /** Name of the tensor at fault, where it is one tensor's. */
  readonly tensor: string | undefined;

  /** The option whose limit the file is over, where that is the fault: `maxHeaderBytes`. */
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

/** An option or configuration value that makes no sense. */
export class ConfigError extends FlowmapError {
  constructor(
    /** The option, as the user writes it: `dit.width`, `--size`. */
    readonly option: string,
    message: string,
  ) {
    super(`${option}: ${message}`);
  }
}

/** A file that cannot be written: the folder is read-only, the disk is full, the path is a folder. */
export class WriteError extends FlowmapError {
  constructor(
    /** File that was to be written; what it held before is untouched. */
    readonly path: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(oneLine(`${path}: ${message}`), options);
  }
}

/** Names of files may hold line feeds, which must not pass for the end of a message. */
function oneLine(message: string): string {
  return message.replaceAll('\n', '\\n');
}
