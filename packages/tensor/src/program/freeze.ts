import { ProgramError } from '../errors.js';
import { isHalf } from '../graph/dtype.js';
import type { HostTensor, HostTensors } from '../runtime/host-tensor.js';
import { programOf, type Program } from './program.js';
import { checkFeeds } from '../runtime/runtime.js';
import { substitute } from './substitute.js';
import { bind, constant, type Tensor } from '../graph/tensor.js';
import { requireKnownOptions } from '../options.js';

/**
 * Turns named states of a program into constants: the parameters of a sampler, for example. A runtime may lay out
 * constants to suit its kernels and precompute with them, and a file written from the program contains them.
 *
 * @param program left unchanged
 * @param values values for any states that it does not change; they are copied
 * @param options.copy false uses float32 arrays without copying them: they must not change as long as the program is
 *   in use
 * @returns the same program without those states
 * @throws {FeedError} for an unknown name, a wrong shape or a wrong dtype
 * @throws {ProgramError} for a state that the program changes
 *
 * @example
 * const scaled = program('scaled', { inputs: { x: [2] }, state: { w: [2] } }, ({ x }, { w }) => ({ outputs: { y: x.mul(w) } }));
 * const doubled = freeze(scaled, { w: hostTensor([2], [2, 2]) });
 */
export function freeze(program: Program, values: HostTensors, options: { copy?: boolean } = {}): Program {
  requireKnownOptions('freeze', options, { copy: true });
  const { copy = true } = options;
  checkFeeds(program, 'state', values);
  const changing = Object.keys(values).find((name) => Object.hasOwn(program.updates, name));
  if (changing !== undefined) {
    throw new ProgramError(program.name, `state '${changing}' changes from run to run and cannot be frozen`);
  }

  const frozen = substitute(program, (name) => {
    const value = values[name];
    return value && constantOf(value, copy);
  });
  const results = (tensors: Program['outputs']): Record<string, Tensor> =>
    Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, frozen.get(tensor)!]));
  return programOf({
    ...program,
    state: Object.fromEntries(Object.entries(program.state).filter(([name]) => !Object.hasOwn(values, name))),
    outputs: results(program.outputs),
    updates: results(program.updates),
  });
}

function constantOf({ shape, dtype, data }: HostTensor, copy: boolean): Tensor {
  if (isHalf(dtype)) return constant(data, shape, dtype);
  const borrowed = data instanceof Float32Array && !copy;
  const values = borrowed ? data : data instanceof Float32Array ? data.slice() : Float64Array.from(data);
  return bind('constant', [], { data: values, shape, dtype });
}
