/** Makes a call once all earlier calls have settled, whether they succeeded or failed. */
export type InTurn = <T>(call: () => Promise<T>) => Promise<T>;

/** A new sequence of turns: calls made through it do not overlap. */
export function turns(): InTurn {
  const ignore = (): void => undefined;
  let last = Promise.resolve();
  return (call) => {
    const result = last.then(call);
    // Not the result itself, which would be kept in memory until the next call.
    last = result.then(ignore, ignore);
    return result;
  };
}
