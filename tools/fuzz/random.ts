/** Random numbers determined by a seed, the same on every machine (mulberry32). */
export interface Random {
  /** A whole number in [0, below). */
  below(below: number): number;
  /** One of the values. */
  pick<T>(values: readonly T[]): T;
  /** True once in `odds` times. */
  once(odds: number): boolean;
}

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (limit: number): number => Math.floor((next() / 2 ** 32) * limit);
  return { below, pick: (values) => values[below(values.length)]!, once: (odds) => below(odds) === 0 };
}
