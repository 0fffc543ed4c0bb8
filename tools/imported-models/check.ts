import { hostTensor, normals, sizeOf, type Executable, type HostTensor, type HostTensors } from '@flowmap/tensor';

/** One row of the table: something that was measured, and its upper limit. */
export interface Check {
  readonly model: string;
  readonly what: string;
  readonly got: number;
  readonly limit: number;
}

/** Runs a program once and reads all results. */
export async function resultsOf(executable: Executable, inputs: HostTensors): Promise<Record<string, HostTensor>> {
  const results: Record<string, HostTensor> = {};
  for (const [name, tensor] of Object.entries(await executable.run(inputs))) {
    results[name] = await tensor.read();
    tensor.dispose();
  }
  return results;
}

/** Normal numbers by name. */
export function drawn(purpose: string, shape: readonly number[], scale = 1): HostTensor {
  const values = normals({ seed: 0, purpose }, sizeOf(shape));
  return hostTensor(
    shape,
    Float32Array.from(values, (value) => scale * value),
  );
}
