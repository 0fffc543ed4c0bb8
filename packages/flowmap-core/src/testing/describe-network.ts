import {
  DTypeError,
  gradients,
  hostTensor,
  normals,
  requireKnownOptions,
  ShapeError,
  sizeOf,
  type HostTensor,
  type HostTensors,
  type Runtime,
  type Shape,
  type Tensor,
  type Tensors,
  type TensorSpec,
} from '@flowmap/tensor';
import { checkDerivatives, evaluate } from '@flowmap/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { classCount } from '../conditions.js';
import { ConfigError } from '../errors.js';
import { prefixed } from '../internal/names.js';
import { flowMapFrom, type Model } from '../models/model.js';
import { networkFromConfig } from '../networks/registry.js';
import type { ConditionSpec, Network, NetworkConfig, NetworkInputs, ParameterSpec } from '../plugins.js';

/** The options that the contract varies; the caller chooses the others, which should make the network small. */
export interface NetworkVariant {
  readonly classes: number;
  readonly interval: boolean;
  /** Further conditions, each with its shape for one sample; for types that take them. */
  readonly conditions?: Readonly<Record<string, Shape>>;
  /** Rate of dropout; for types that have it. */
  readonly dropout?: number;
}

/** How a network is checked. */
export interface NetworkContract {
  /** Computes in double precision: the float64 reference runtime. */
  readonly oracle: () => Runtime | Promise<Runtime>;
  /** True for a type with the option `conditions`; false unless given. */
  readonly conditions?: boolean;
  /** True for a type with the option `dropout`; false unless given. */
  readonly dropout?: boolean;
}

/** Samples per batch in the tests; few, so that the oracle is fast. */
const BATCH = 2;
const CLASSES = 3;
/** Conditions of each possible shape. */
const CONDITIONS = { guidance: [], style: [3], text: [2, 3] };
const RATE = 0.4;

/**
 * The contract of a type of network, as vitest suites: its shape, zero output and inputs without effect at
 * initialisation, dependence on each input, conditions and draws, rebuilding from its configuration, and derivatives.
 * Its type must be known to {@link networkFromConfig}.
 *
 * @param name title of the suites
 * @param make makes a small network
 *
 * @example
 * describeNetwork('mlp', (variant) => mlp({ shape: [2], width: 8, depth: 1, ...variant }), {
 *   oracle: referenceRuntime,
 *   conditions: true,
 *   dropout: true,
 * });
 */
export function describeNetwork(
  name: string,
  make: (variant: NetworkVariant) => Network,
  options: NetworkContract,
): void {
  requireKnownOptions('describeNetwork', options, { oracle: true, conditions: true, dropout: true });
  const { oracle: makeOracle, conditions: takesConditions = false, dropout: hasDropout = false } = options;
  describe(`network ${name}`, () => {
    let oracle: Runtime;
    beforeAll(async () => {
      oracle = await makeOracle();
    });
    const output = (network: Network, params: HostTensors, inputs: HostTensors): Promise<HostTensor> =>
      evaluate(oracle, traced(network, params, inputs), [...Object.values(params), ...Object.values(inputs)]);

    const whole: NetworkVariant = {
      classes: CLASSES,
      interval: true,
      ...(takesConditions ? { conditions: CONDITIONS } : {}),
      ...(hasDropout ? { dropout: RATE } : {}),
    };
    const field = make({ classes: 0, interval: false });
    const full = make(whole);
    const inputs = inputsOf(full);
    const conditionNames = Object.keys(full.conditions).map((key) => `conditions.${key}`);
    const learnt = Object.keys(full.parameters).filter((key) => !full.parameters[key]!.fixed);

    it.each<NetworkVariant>([
      { classes: 0, interval: false },
      { classes: 0, interval: true },
      { classes: CLASSES, interval: false },
      whole,
    ])('is the zero function of the shape of x when it is new: %o', async (variant) => {
      const network = make(variant);
      const { shape, data } = await output(network, network.init(0), inputsOf(network));
      expect(shape).toEqual([BATCH, ...network.config.shape]);
      expect(data.every((value) => value === 0)).toBe(true);
    });

    it('draws its parameters from the seed alone, with the names and shapes it declares', () => {
      const params = full.init(7);
      expect(params).toEqual(make(whole).init(7));
      expect(params).not.toEqual(full.init(8));
      expect(mapped(params, shapeOf)).toEqual(mapped(full.parameters, shapeOf));
      expect(Object.values(params).every(({ data }) => data.every((value) => Number.isFinite(value)))).toBe(true);
    });

    it('as a flow map made from a velocity field is that field, for every s', async () => {
      const network = make({ classes: CLASSES, interval: false });
      const teacher = teacherOf(network);
      const student = flowMapFrom(teacher, 5);
      const wanted = await output(network, teacher.params, inputsOf(network));
      for (const s of [0, 0.31, 0.9]) {
        const at = { ...inputsOf(student.network), s: hostTensor([BATCH], [s, s / 2]) };
        const got = await output(student.network, student.params, at);
        // Equal to the last bit: the interval adds a vector of zeros.
        expect(got.data).toEqual(wanted.data);
      }
      expect(wanted.data.some((value) => value !== 0)).toBe(true);
    });

    it(
      takesConditions
        ? 'as a flow map with more conditions is that field, whatever their values'
        : 'is given no more conditions',
      async () => {
        const network = make({ classes: CLASSES, interval: false });
        const teacher = teacherOf(network);
        if (!takesConditions) {
          expect(() => flowMapFrom(teacher, 5, { conditions: CONDITIONS })).toThrow(ConfigError);
          return;
        }
        const student = flowMapFrom(teacher, 5, { conditions: CONDITIONS });
        const wanted = await output(network, teacher.params, inputsOf(network));
        for (const scale of [0, 1, -50]) {
          const given = Object.entries(inputsOf(student.network)).map(([key, value]) => {
            const added = Object.hasOwn(CONDITIONS, key.replace('conditions.', ''));
            return [key, added ? scaled(value, scale) : value];
          });
          const at = Object.fromEntries(given) as HostTensors;
          expect((await output(student.network, student.params, at)).data).toEqual(wanted.data);
        }
      },
    );

    it('takes the conditions that it is made with', () => {
      const { conditions } = make({ ...whole, classes: 0 });
      const asked = takesConditions ? CONDITIONS : {};
      expect(conditions).toEqual(mapped<Shape>(asked, (shape) => ({ shape, dtype: 'float32' })));
    });

    it('depends on each of its inputs, and keeps samples apart', async () => {
      const params = trained(full);
      const before = (await output(full, params, inputs)).data;
      const size = before.length / BATCH;
      for (const input of Object.keys(inputs)) {
        const changed = { ...inputs, [input]: changeFirst(inputs[input]!) };
        const after = (await output(full, params, changed)).data;
        expect(after.slice(0, size), input).not.toEqual(before.slice(0, size));
        expect(after.slice(size), input).toEqual(before.slice(size));
      }
    });

    it('is rebuilt from its configuration as JSON', async () => {
      for (const network of [field, full]) {
        const rebuilt = networkFromConfig(JSON.parse(JSON.stringify(network.config)) as NetworkConfig);
        expect(rebuilt.config).toEqual(network.config);
        expect(mapped(rebuilt.parameters, described)).toEqual(mapped(network.parameters, described));
        expect([rebuilt.conditions, rebuilt.draws]).toEqual([network.conditions, network.draws]);
        const [params, at] = [trained(network), inputsOf(network)];
        expect(await output(rebuilt, params, at)).toEqual(await output(network, params, at));
      }
    });

    it('has the derivatives of its values, in parameters and inputs', async () => {
      const params = trained(full);
      const point = [...Object.values(params), ...Object.values(inputs)];
      // Features of time have frequencies up to 25, a few times that along the random direction: with fifth derivatives
      // of 1e9 the central difference is off by up to 3e-5, while values and derivatives are of size 1 to 10.
      await checkDerivatives(traced(full, params, inputs), point, { runtime: oracle, tolerance: 1e-5 });
    });

    it('learns with every parameter that is not fixed: no gradient is zero', async () => {
      const params = trained(full);
      const names = Object.keys(params);
      const apply = traced(full, params, inputs);
      const grads = await evaluate(
        oracle,
        (...args) => {
          const output = apply(...args);
          return gradients(output.square().sum(), args.slice(0, names.length));
        },
        [...Object.values(params), ...Object.values(inputs)],
      );
      const idle = names.filter((_, i) => !grads[i]!.data.some((value) => Math.abs(value) > 1e-9));
      expect(idle.filter((key) => learnt.includes(key))).toEqual([]);
      expect(learnt.length).toBeGreaterThan(0);
    });

    it('projects its parameters to values of their shape, which stay as they are', async () => {
      const params = trained(full);
      for (const [key, { shape, project }] of Object.entries(full.parameters)) {
        if (!project) continue;
        const projected = (x: Tensor) => [project(x), project(project(x))];
        const [once, twice] = await evaluate(oracle, projected, [params[key]!]);
        expect(once!.shape, key).toEqual(shape);
        once!.data.forEach((value, i) => expect(twice!.data[i], key).toBeCloseTo(value, 9));
      }
    });

    it('refuses inputs of the wrong shape, and a target time or condition that is missing or none of its own', async () => {
      const params = full.init(0);
      const tracing = (at: HostTensors) => output(full, params, at);
      const { x } = inputs as Record<'x', HostTensor>;
      await expect(tracing({ ...inputs, x: hostTensor([...x.shape, 1], x.data) })).rejects.toThrow(ShapeError);
      for (const key of ['t', 's', ...conditionNames]) {
        const { shape, data, dtype } = inputs[key]!;
        const part = hostTensor([1, ...shape.slice(1)], data.slice(0, data.length / BATCH), dtype);
        await expect(tracing({ ...inputs, [key]: part })).rejects.toThrow(ShapeError);
      }
      for (const key of ['s', ...conditionNames]) {
        const { [key]: _, ...rest } = inputs;
        await expect(tracing(rest)).rejects.toThrow(ConfigError);
      }
      for (const key of conditionNames) {
        const { shape, data, dtype } = inputs[key]!;
        const other = hostTensor(shape, Array.from(data, Math.round), dtype === 'int32' ? 'float32' : 'int32');
        await expect(tracing({ ...inputs, [key]: other })).rejects.toThrow(DTypeError);
      }
      const unknown = { ...inputs, 'conditions.unheardOf': hostTensor([BATCH], [1, 2]) };
      await expect(tracing(unknown)).rejects.toThrow(/conditions\.unheardOf/);
      await expect(tracing({ ...inputs, 'draws.unheardOf': unknown['conditions.unheardOf'] })).rejects.toThrow(
        ConfigError,
      );
    });

    it('refuses a sample of no extent', () => {
      const config = { ...full.config, shape: full.config.shape.map(() => 0) };
      expect(() => networkFromConfig(config)).toThrow(ConfigError);
    });

    it(hasDropout ? 'takes draws for its dropout' : 'takes no draws', async () => {
      expect(Object.keys(full.draws ?? {}).length > 0).toBe(hasDropout);
      expect(field.draws).toBeUndefined();
      const params = trained(full);
      // Draws above the rate keep everything, draws below it drop everything.
      const kept = drawsOf(full, RATE + 0.1);
      const outputOf = (draws: HostTensors) => output(full, params, { ...inputs, ...draws });
      const before = (await outputOf(kept)).data;
      expect((await outputOf(drawsOf(full, RATE + 0.3))).data).toEqual(before);
      const size = before.length / BATCH;
      for (const [key, { shape, data }] of Object.entries(kept)) {
        const dropped = hostTensor(
          shape,
          data.map((value, i) => (i < data.length / BATCH ? RATE / 2 : value)),
        );
        const after = (await outputOf({ ...kept, [key]: dropped })).data;
        expect(after.slice(0, size), key).not.toEqual(before.slice(0, size));
        expect(after.slice(size), key).toEqual(before.slice(size));
        const { [key]: _, ...rest } = kept;
        if (Object.keys(rest).length > 0) await expect(outputOf(rest)).rejects.toThrow(ConfigError);
        const part = hostTensor([1, ...shape.slice(1)], data.slice(0, data.length / BATCH));
        await expect(outputOf({ ...kept, [key]: part })).rejects.toThrow(ShapeError);
      }
    });
  });
}

/** The network as a function of its parameters, then its inputs, in the order of their names. */
function traced(network: Network, params: HostTensors, inputs: HostTensors): (...args: Tensor[]) => Tensor {
  const names = Object.keys(params);
  const named = (keys: readonly string[], values: readonly Tensor[]): Tensors =>
    Object.fromEntries(keys.map((key, i) => [key, values[i]!]));
  return (...args) => {
    const given = named(Object.keys(inputs), args.slice(names.length));
    const { x, t, s } = given as Record<'x' | 't', Tensor> & Partial<Record<'s', Tensor>>;
    const [conditions, draws] = [prefixed('conditions', given), prefixed('draws', given)];
    const all: NetworkInputs = {
      x,
      t,
      conditions,
      ...(s ? { s } : {}),
      ...(Object.keys(draws).length > 0 ? { draws } : {}),
    };
    return network.apply(named(names, args), all);
  };
}

function teacherOf(network: Network): Model {
  const classes = Array.from({ length: classCount(network) }, (_, i) => `class ${i}`);
  return { kind: 'velocity', network, params: trained(network), classes };
}

/** Parameters away from their special initial values, as if trained. */
function trained(network: Network): HostTensors {
  const params = Object.entries(network.init(1)).map(([key, { shape, data }]) => {
    const shift = normals({ seed: 2, purpose: key }, sizeOf(shape));
    return [
      key,
      hostTensor(
        shape,
        Float64Array.from(data, (value, i) => value + 0.2 * shift[i]!),
      ),
    ];
  });
  return Object.fromEntries(params) as HostTensors;
}

function shapeOf({ shape, dtype }: TensorSpec): unknown {
  return { shape, dtype };
}

/** The comparable parts of a parameter's spec; functions differ when a network is built twice. */
function described(spec: ParameterSpec): unknown {
  return { ...spec, project: spec.project !== undefined };
}

function mapped<T>(values: Readonly<Record<string, T>>, f: (value: T) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, f(value)]));
}

/** Points, times and conditions as the network takes them, by the names of a program's inputs. */
function inputsOf({ config, conditions }: Network): HostTensors {
  const shape = [BATCH, ...config.shape];
  const given = Object.entries(conditions).map(([key, spec]) => [`conditions.${key}`, conditionOf(key, spec)]);
  return {
    x: hostTensor(shape, normals({ seed: 3, purpose: 'x' }, sizeOf(shape))),
    t: hostTensor([BATCH], Float64Array.of(0.8, 0.45)),
    ...(config.interval ? { s: hostTensor([BATCH], Float64Array.of(0.3, 0.1)) } : {}),
    ...(Object.fromEntries(given) as HostTensors),
  };
}

function conditionOf(key: string, { shape, dtype, categories = 2 }: ConditionSpec): HostTensor {
  const whole = [BATCH, ...shape];
  const values = normals({ seed: 4, purpose: key }, sizeOf(whole));
  return dtype === 'float32'
    ? hostTensor(whole, values)
    : hostTensor(
        whole,
        Array.from(values, (_, i) => i % categories),
        dtype,
      );
}

/** Draws that all have the same value. */
function drawsOf({ draws = {} }: Network, value: number): HostTensors {
  const entries = Object.entries(draws).map(([key, { shape }]) => {
    const whole = [BATCH, ...shape];
    return [`draws.${key}`, hostTensor(whole, new Float64Array(sizeOf(whole)).fill(value))];
  });
  return Object.fromEntries(entries) as HostTensors;
}

function scaled({ shape, data }: HostTensor, factor: number): HostTensor {
  return hostTensor(
    shape,
    Float64Array.from(data, (value) => factor * value),
  );
}

/** Another value for the first sample. */
function changeFirst({ shape, data, dtype }: HostTensor): HostTensor {
  const other = data.slice();
  for (let i = 0; i < other.length / BATCH; i++) other[i] = dtype === 'int32' ? 1 - other[i]! : 0.9 * other[i]! - 0.05;
  return hostTensor(shape, other, dtype);
}
