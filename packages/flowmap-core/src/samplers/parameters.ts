import { freeze, type Executable, type HostTensors, type Program, type Runtime } from '@flowmap/tensor';

/** Maximum number of bytes of parameters that are frozen by default. */
const MOST_FROZEN = 2 ** 28;

/**
 * Compiles a program with its parameters, as constants or as states.
 *
 * @param params values of all states that are not written later
 * @param frozen whether they are constants; true for up to 256 MiB of them unless given
 */
export async function compileWithParameters(
  runtime: Runtime,
  program: Program,
  params: HostTensors,
  frozen = bytesOf(params) <= MOST_FROZEN,
): Promise<Executable> {
  if (frozen) return runtime.compile(freeze(program, params, { copy: false }));
  const executable = await runtime.compile(program);
  try {
    await executable.writeState(params);
  } catch (error) {
    await executable.dispose();
    throw error;
  }
  return executable;
}

function bytesOf(params: HostTensors): number {
  return Object.values(params).reduce((sum, { data }) => sum + data.byteLength, 0);
}
