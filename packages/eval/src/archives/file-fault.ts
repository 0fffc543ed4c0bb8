/** Why bytes are no file that can be read; whoever names the file makes a typed error of it. */
export class FileFault extends Error {
  constructor(
    message: string,
    /** The option whose limit the file exceeds, if that is the fault: `maxBytes`. */
    readonly limit?: string,
  ) {
    super(message);
  }
}
