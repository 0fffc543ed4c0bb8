import type { Executable, Feeds, Runtime } from '@flowmap/tensor';

/** A runtime that tells what its executables are given in each call. */
export function watched(runtime: Runtime, onCall: (call: 'run' | 'writeState', values: Feeds) => void): Runtime {
  return {
    ...runtime,
    async compile(program, options) {
      const executable = await runtime.compile(program, options);
      const own: Pick<Executable, 'run' | 'writeState'> = {
        run: (inputs) => (onCall('run', inputs), executable.run(inputs)),
        writeState: (values) => (onCall('writeState', values), executable.writeState(values)),
      };
      return Object.assign(Object.create(executable) as Executable, own);
    },
  };
}
