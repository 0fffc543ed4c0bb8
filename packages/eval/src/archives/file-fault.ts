/** Why bytes cannot be read as a file; the caller, which knows the file's name, turns it into a typed error. */
export class FileFault extends Error {
  constructor(
    message: string,
    /** The option whose limit the file exceeds, if that is the reason: `maxBytes`. */
    readonly limit?: string,
  ) {
    super(message);
  }
}
