/** Makes a call once every call before it has settled, whether it succeeded or failed. */
export type InTurn = <T>(call: () => Promise<T>) => Promise<T>;

/** Turns of their own: what is called through them does not overlap. */
export function turns(): InTurn {
  const ignore = (): void => undefined;
  let last = Promise.resolve();
  return (call) => {
    const result = last.then(call);
    // Not the result itself, which would be kept until the next call.
    last = result.then(ignore, ignore);
    return result;
  };
}
