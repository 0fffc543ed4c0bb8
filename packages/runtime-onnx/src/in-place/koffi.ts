/** The package that calls functions of shared libraries. */
export type Koffi = typeof import('koffi').default;

/** An address in native memory. */
export type Pointer = bigint;
