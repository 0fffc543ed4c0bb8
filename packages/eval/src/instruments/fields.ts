import {
  batchSpecs,
  ConfigError,
  flowMap,
  interpolate,
  parametrizationOf,
  pathOf,
  prefixed,
  requireConditions,
  velocityField,
  withPrefix,
  type Batch,
  type Model,
  type OpaqueField,
  type VelocityField,
} from '@flowmap/core';
import {
  hostTensor,
  normalBatch,
  program,
  sameShape,
  ShapeError,
  sizeOf,
  type Executable,
  type HostTensor,
  type HostTensors,
  type Program,
  type Runtime,
} from '@flowmap/tensor';

/** What an instrument compares, and where. */
export interface InstrumentOptions {
  readonly runtime: Runtime;
  /** A flow map. */
  readonly student: Model;
  /** Its teacher: a model, a velocity field, or an opaque field, which can only be evaluated. */
  readonly teacher: Model | VelocityField | OpaqueField;
  /**
   * Samples to be noised, all in one run, with the conditions that the student takes; use held-out data, or a seed that
   * training has not used.
   */
  readonly data: Batch;
  /** Seed of noise and intervals; 0 unless given. */
  readonly seed?: number;
}

/** Values of a batch in the runtime's precision. */
export type Values = Float32Array | Float64Array;

/** The velocities of student and teacher at noised data, each sample at its own times. */
export interface Fields {
  /** Number of samples, and of values in each. */
  readonly count: number;
  readonly size: number;
  /** The noised data `x_t` and the student's average velocity `F(x_t, t, s)`. */
  student(t: ArrayLike<number>, s: ArrayLike<number>): Promise<{ readonly xt: Values; readonly F: Values }>;
  /** The teacher's velocity `v(x, t)`. */
  teacher(x: Values, t: ArrayLike<number>): Promise<Values>;
  /** Releases the programs. */
  dispose(): Promise<void>;
}

/**
 * Compiles both fields once.
 *
 * @param instrument name for errors
 * @throws {ConfigError} for a student that is not a flow map, a teacher on another path, or data that lack a
 *   condition
 * @throws {ShapeError} for data whose shape is not that of the student's samples
 */
export async function openFields(instrument: string, options: InstrumentOptions): Promise<Fields> {
  const { runtime, student, teacher, data, seed = 0 } = options;
  const { shape } = student.network.config;
  const [count, size] = [data.x.length / sizeOf(shape), sizeOf(shape)];
  if (student.kind !== 'flowMap')
    throw new ConfigError(`${instrument}.student`, 'wanted a flow map, got a velocity field');
  if (!Number.isInteger(count) || count === 0) {
    throw new ShapeError(`${instrument}.data`, `samples [${shape.join(', ')}]`, [[data.x.length]]);
  }
  if ('network' in teacher && pathOf(teacher) !== pathOf(student)) {
    const wanted = `wanted a teacher on the student's path, ${pathOf(student).name}`;
    throw new ConfigError(`${instrument}.teacher`, `${wanted}, got one on the ${pathOf(teacher).name} path`);
  }
  const conditions = requireConditions(
    `${instrument}.data.conditions`,
    student.network.conditions,
    data.conditions,
    count,
  );
  const points = [count, ...shape];
  const array = runtime.precision === 'float64' ? Float64Array : Float32Array;
  const timesOf = (times: ArrayLike<number>): HostTensor => hostTensor([count], array.from(times));
  const noised = {
    x0: hostTensor(points, data.x),
    noise: hostTensor(points, normalBatch({ seed, purpose: 'instrument' }, points)),
    ...withPrefix('conditions', conditions),
  };

  const open: Executable[] = [];
  const dispose = async (): Promise<void> => {
    for (const executable of open.splice(0)) await executable.dispose();
  };
  const compile = async (built: Program, params: HostTensors): Promise<Executable> => {
    const executable = await runtime.compile(built);
    open.push(executable);
    await executable.writeState(params);
    return executable;
  };
  try {
    const map = await compile(studentProgram(student, count), studentParams(student));
    const field = 'network' in teacher ? velocityField(teacher) : teacher;
    const asked =
      'velocity' in field ? await compile(teacherProgram(field, student, count), field.parameters) : undefined;
    const velocity = async (x: HostTensor, t: HostTensor): Promise<HostTensor> => {
      if (!('velocity' in field)) return field.evaluate(x, t, conditions);
      return (await run(asked!, { x, t, ...withPrefix('conditions', conditions) }))['v']!;
    };
    return {
      count,
      size,
      async student(t, s) {
        const { xt, F } = await run(map, { ...noised, t: timesOf(t), s: timesOf(s) });
        return { xt: valuesOf(xt!, 'student', t), F: valuesOf(F!, 'student', t) };
      },
      async teacher(x, t) {
        const v = await velocity(hostTensor(points, x), timesOf(t));
        if (!sameShape(v.shape, points)) {
          throw new ShapeError(`${instrument}, teacher's velocity`, `[${points.join(', ')}]`, [v.shape]);
        }
        return valuesOf(v, 'teacher', t);
      },
      dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }

  function valuesOf({ data }: HostTensor, field: string, times: ArrayLike<number>): Values {
    const wrong = data.findIndex((value) => !Number.isFinite(value));
    if (wrong === -1) return array.from(data);
    const sample = Math.floor(wrong / size);
    const got = `the ${field}'s is ${data[wrong]} for sample ${sample} at t = ${times[sample]}`;
    throw new ConfigError(instrument, `wanted finite velocities, ${got}`);
  }
}

function studentProgram(student: Model, count: number): Program {
  const { network } = student;
  const points = [count, ...network.config.shape];
  const inputs = { x0: points, noise: points, t: [count], s: [count], ...conditionInputs(student, count) };
  return program<string, string>('student', { inputs, state: network.parameters }, (values, params) => {
    const { x0, noise, t, s } = values as Record<'x0' | 'noise' | 't' | 's', (typeof values)[string]>;
    const xt = interpolate(x0, noise, t, pathOf(student));
    const conditions = prefixed('conditions', values);
    const map = flowMap(network, params, { conditions, parametrization: parametrizationOf(student) });
    return { outputs: { xt, F: map.averageVelocity(xt, t, s) } };
  });
}

function teacherProgram(field: VelocityField, student: Model, count: number): Program {
  const points = [count, ...student.network.config.shape];
  const inputs = { x: points, t: [count], ...conditionInputs(student, count) };
  return program<string, string>('teacher', { inputs, state: field.parameters }, (values, params) => {
    const [x, t] = [values['x']!, values['t']!];
    return { outputs: { v: field.velocity(params, { x, t, conditions: prefixed('conditions', values) }) } };
  });
}

function conditionInputs({ network }: Model, count: number): ReturnType<typeof batchSpecs> {
  return withPrefix('conditions', batchSpecs(network.conditions, count));
}

function studentParams({ network, params }: Model): HostTensors {
  return network.upgrade ? network.upgrade(params) : params;
}

/** Runs a program, reads its results and releases it. */
async function run(executable: Executable, feeds: HostTensors): Promise<HostTensors> {
  const results = await executable.run(feeds);
  const values: Record<string, HostTensor> = {};
  for (const [name, tensor] of Object.entries(results)) {
    values[name] = await tensor.read();
    tensor.dispose();
  }
  return values;
}

/** `sqrt(mean(x^2))`. */
export function rms(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return Math.sqrt(sum / values.length);
}
