import { ConfigError, type Phase, type Trainee } from '@flowmap/core';
import { sameShape, specText, type HostTensor, type HostTensors, type TensorSpec } from '@flowmap/tensor';

/** Parameters that a phase's loss reads, by name: the state that holds each, and its shape. */
export type Group = Readonly<Record<string, { readonly state: string; readonly spec: TensorSpec }>>;

/** Trainees by name. */
export type Trainees = Readonly<Record<string, Trainee>>;

/** Name of a state, `<trainee>.<part>.<parameter>`; the part is `params`, a slot, an average or `gradient`. */
export function stateName(trainee: string, part: string, parameter: string): string {
  return `${trainee}.${part}.${parameter}`;
}

/** The parameters of a trainee that steps change. */
export function movingParameters({ parameters }: Trainee): string[] {
  return Object.keys(parameters).filter((name) => parameters[name]!.fixed !== true);
}

/** The trainees' fixed parameters, which no step changes, out of a state. */
export function fixedStates(trainees: Trainees, state: HostTensors): Record<string, HostTensor> {
  const names = Object.entries(trainees).flatMap(([name, { parameters }]) =>
    Object.keys(parameters).flatMap((parameter) =>
      parameters[parameter]!.fixed === true ? [stateName(name, 'params', parameter)] : [],
    ),
  );
  return Object.fromEntries(names.map((name) => [name, state[name]!]));
}

/**
 * The groups of parameters with which a phase is traced, by name.
 *
 * @throws {ConfigError} for a trainee, average or name that does not exist
 */
export function groupsOf(phase: Phase, trainees: Trainees): Record<string, Group> {
  const names = [phase.trains, ...(phase.reads ?? [])];
  const groups = Object.fromEntries(names.map((name) => [name, groupOf(phase, name, trainees)]));
  for (const [name, values] of Object.entries(phase.fixed ?? {})) {
    requireName(`phase '${phase.name}', fixed parameters`, name);
    if (Object.hasOwn(trainees, name)) {
      throw new ConfigError(`phase '${phase.name}'`, `'${name}' names both fixed parameters and a trainee`);
    }
    const entries = Object.entries(values).map(([parameter, { shape, dtype }]) => {
      return [parameter, { state: stateName(name, 'params', parameter), spec: { shape, dtype } }] as const;
    });
    groups[name] = Object.fromEntries(entries);
  }
  return groups;
}

function groupOf(phase: Phase, name: string, trainees: Trainees): Group {
  const [owner = '', average] = name.split('.');
  const trainee = Object.hasOwn(trainees, owner) ? trainees[owner] : undefined;
  if (trainee === undefined) {
    const known = Object.keys(trainees).join(', ');
    throw new ConfigError(`phase '${phase.name}'`, `there is no trainee '${owner}'; there are: ${known}`);
  }
  if (average !== undefined && !Object.hasOwn(trainee.averages, average)) {
    const known = Object.keys(trainee.averages).join(', ') || 'none';
    throw new ConfigError(`phase '${phase.name}'`, `trainee '${owner}' has no average '${average}'; it has: ${known}`);
  }
  const entries = Object.entries(trainee.parameters).map(([parameter, { shape, dtype, fixed }]) => {
    const part = average === undefined || fixed === true ? 'params' : average;
    return [parameter, { state: stateName(owner, part, parameter), spec: { shape, dtype } }] as const;
  });
  return Object.fromEntries(entries);
}

/**
 * Checks that the names of everything a trainee keeps are unique.
 *
 * @throws {ConfigError} for a name that is used twice or is not an identifier
 */
export function requireNames(name: string, { optimizer, averages, parameters, initial }: Trainee): void {
  requireName('trainees', name);
  const parts = ['params', 'gradient', ...optimizer.slots, ...Object.keys(averages)];
  for (const part of parts) requireName(`trainee '${name}'`, part);
  const twice = parts.find((part, i) => parts.indexOf(part) !== i);
  if (twice !== undefined) {
    const uses = `an optimizer's slots, averages, 'params' and 'gradient' need names of their own`;
    throw new ConfigError(`trainee '${name}'`, `the name '${twice}' is used twice; ${uses}`);
  }
  for (const [parameter, { shape, dtype }] of Object.entries(parameters)) {
    const value = Object.hasOwn(initial, parameter) ? initial[parameter] : undefined;
    if (value?.dtype === dtype && sameShape(value.shape, shape)) continue;
    const wanted = `wanted an initial value of the parameter '${parameter}' as ${specText({ shape, dtype })}`;
    throw new ConfigError(`trainee '${name}'`, `${wanted}, got ${value ? specText(value) : 'none'}`);
  }
}

function requireName(option: string, name: string): void {
  if (!/^[A-Za-z][\w-]*$/.test(name)) {
    throw new ConfigError(option, `wanted a name of letters, digits, '-' and '_', got '${name}'`);
  }
}
