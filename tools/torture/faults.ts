/** What must not happen to a run, whatever is done to it. */
export type FaultKind = 'wrong weights' | 'mixed run' | 'silent difference' | 'stray file' | 'uncaught error';

/** A run that is not as promised. */
export class Fault extends Error {
  constructor(
    readonly kind: FaultKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${kind}: ${message}`, options);
  }
}
