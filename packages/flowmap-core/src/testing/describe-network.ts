import {
  gradients,
  hostTensor,
  normals,
  sameShape,
  ShapeError,
  sizeOf,
  type HostTensor,
  type HostTensors,
  type Runtime,
  type Tensor,
  type Tensors,
} from '@flowmap/tensor';
import { checkDerivatives, evaluate } from '@flowmap/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../errors.js';
import { flowMapFrom, type Model } from '../models/model.js';
import { networkFromConfig } from '../networks/registry.js';
import type { Network, NetworkConfig } from '../plugins.js';

/** What the contract varies; the rest of a network's options are the caller's, and should make it small. */
export interface NetworkVariant {
  readonly classes: number;
  readonly interval: boolean;
}

/** How a network is judged. */
export interface NetworkContract {
  /** Computes in double precision: the float64 reference runtime. */
  readonly oracle: () => Runtime | Promise<Runtime>;
}

/** Samples in a batch of the tests; few, so that the oracle is fast. */
const BATCH = 2;
const CLASSES = 3;

/**
 * The contract of a type of network, as vitest suites: its shape, zero output and no-op interval input at initialisation,
 * dependence on each input, rebuilding from its configuration, and derivatives. Its type must be known to
 * {@link networkFromConfig}.
 *
 * @param name title of the suites
 * @param make makes a small network
 *
 * @example
 * describeNetwork('mlp', (variant) => mlp({ shape: [2], width: 8, depth: 1, ...variant }), { oracle: referenceRuntime });
 */
export function describeNetwork(
  name: string,
  make: (variant: NetworkVariant) => Network,
  { oracle: makeOracle }: NetworkContract,
): void {
  describe(`network ${name}`, () => {
    let oracle: Runtime;
    beforeAll(async () => {
      oracle = await makeOracle();
    });
    const output = (network: Network, params: HostTensors, inputs: HostTensors): Promise<HostTensor> =>
      evaluate(oracle, traced(network, params, inputs), [...Object.values(params), ...Object.values(inputs)]);

    const field = make({ classes: 0, interval: false });
    const full = make({ classes: CLASSES, interval: true });
    const inputs = inputsOf(full);

    it.each([0, CLASSES].flatMap((classes) => [false, true].map((interval) => ({ classes, interval }))))(
      'is the zero function of the shape of x when it is new: %o',
      async (variant) => {
        const network = make(variant);
        const { shape, data } = await output(network, network.init(0), inputsOf(network));
        expect(shape).toEqual([BATCH, ...network.config.shape]);
        expect(data.every((value) => value === 0)).toBe(true);
      },
    );

    it('draws its parameters from the seed alone, with the names and shapes it declares', () => {
      const params = full.init(7);
      expect(params).toEqual(make({ classes: CLASSES, interval: true }).init(7));
      expect(params).not.toEqual(full.init(8));
      const specs = Object.entries(params).map(([key, { shape, dtype }]) => [key, { shape, dtype }]);
      expect(Object.fromEntries(specs)).toEqual(full.parameters);
      expect(Object.values(params).every(({ data }) => data.every((value) => Number.isFinite(value)))).toBe(true);
    });

    it('as a flow map made from a velocity field is that field, for every s', async () => {
      const network = make({ classes: CLASSES, interval: false });
      const teacher: Model = { kind: 'velocity', network, params: trained(network), classes: ['a', 'b', 'c'] };
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
        expect(rebuilt.parameters).toEqual(network.parameters);
        const [params, at] = [trained(network), inputsOf(network)];
        expect(await output(rebuilt, params, at)).toEqual(await output(network, params, at));
      }
    });

    it('has the derivatives of its values, in parameters and inputs', async () => {
      const params = trained(full);
      const point = [...Object.values(params), ...Object.values(inputs)];
      // Features of time have frequencies up to 25, a few times that along the random direction: with fifth derivatives of
      // 1e9 the central difference is off by up to 3e-5, against values and derivatives of 1 to 10.
      await checkDerivatives(traced(full, params, inputs), point, { runtime: oracle, tolerance: 1e-5 });
    });

    it('learns with every parameter: no gradient is zero', async () => {
      const params = trained(full);
      const names = Object.keys(params);
      const apply = traced(full, params, inputs);
      const grads = await evaluate(
        oracle,
        (...args) =>
          gradients(
            apply(...args)
              .square()
              .sum(),
            args.slice(0, names.length),
          ),
        [...Object.values(params), ...Object.values(inputs)],
      );
      const idle = names.filter((_, i) => !grads[i]!.data.some((value) => Math.abs(value) > 1e-9));
      expect(idle).toEqual([]);
    });

    it('refuses inputs of the wrong shape, and a missing target time or label', async () => {
      const params = full.init(0);
      const tracing = (at: HostTensors) => output(full, params, at);
      const { x, t, s, label } = inputs as Record<'x' | 't' | 's' | 'label', HostTensor>;
      await expect(tracing({ ...inputs, x: hostTensor([...x.shape, 1], x.data) })).rejects.toThrow(ShapeError);
      for (const key of ['t', 's', 'label']) {
        const wrong = { ...inputs, [key]: hostTensor([1], inputs[key]!.data.slice(0, 1)) };
        await expect(tracing(wrong)).rejects.toThrow(ShapeError);
      }
      await expect(tracing({ x, t, label })).rejects.toThrow(ConfigError);
      await expect(tracing({ x, t, s })).rejects.toThrow(ConfigError);
    });

    it('refuses a sample of no extent', () => {
      const config = { ...full.config, shape: full.config.shape.map(() => 0) };
      expect(() => networkFromConfig(config)).toThrow(ConfigError);
    });
  });
}

/** The network as a function of its parameters, then its inputs, in the order of their names. */
function traced(network: Network, params: HostTensors, inputs: HostTensors): (...args: Tensor[]) => Tensor {
  const names = Object.keys(params);
  const named = (keys: readonly string[], values: readonly Tensor[]): Tensors =>
    Object.fromEntries(keys.map((key, i) => [key, values[i]!]));
  return (...args) => {
    const given = named(Object.keys(inputs), args.slice(names.length)) as Record<'x' | 't', Tensor>;
    return network.apply(named(names, args), given);
  };
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

/** Points, times and classes as the network takes them. */
function inputsOf({ config }: Network): HostTensors {
  const shape = [BATCH, ...config.shape];
  return {
    x: hostTensor(shape, normals({ seed: 3, purpose: 'x' }, sizeOf(shape))),
    t: hostTensor([BATCH], Float64Array.of(0.8, 0.45)),
    ...(config.interval ? { s: hostTensor([BATCH], Float64Array.of(0.3, 0.1)) } : {}),
    ...(config.classes > 0 ? { label: hostTensor([BATCH], Int32Array.of(0, 2)) } : {}),
  };
}

/** Another value for the first sample. */
function changeFirst({ shape, data, dtype }: HostTensor): HostTensor {
  const other = data.slice();
  const size = sameShape(shape, [BATCH]) ? 1 : other.length / BATCH;
  for (let i = 0; i < size; i++) other[i] = dtype === 'int32' ? 1 : 0.9 * other[i]! - 0.05;
  return hostTensor(shape, other, dtype);
}
