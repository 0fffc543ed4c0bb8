import {
  hostTensor,
  normalBatch,
  program,
  requireKnownOptions,
  requireRuntime,
  requireWhole,
  sameShape,
  select,
  ShapeError,
  sizeOf,
  stackHostTensors,
  type Executable,
  type Feeds,
  type HostTensor,
  type Program,
  type Runtime,
  type Tensor,
} from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import { withPrefix } from '../internal/names.js';
import { checkedModel, pathOf, type Model } from '../models/model.js';
import { interpolate } from '../path.js';
import { carriedStep } from '../samplers/carried-step.js';
import { compileField } from '../samplers/compile-field.js';
import { samplerOf } from '../samplers/compile-sampler.js';
import { uniformGrid } from '../samplers/grid.js';
import { noised } from '../samplers/restart.js';
import { checkedRows, rowsOf } from '../samplers/rows.js';
import type { Sampler } from '../samplers/sampler.js';
import { batchSizeOf, requireFits, requireSamples, rowsFor, type ToolOptions } from './options.js';

/** Options of {@link inpaint}. */
export interface InpaintOptions extends ToolOptions {
  /** Data of which parts are known, float32 `[count, ...shape]`; what the unknown values are makes no difference. */
  readonly known: HostTensor;
  /** 1 where a value is known and 0 where it is wanted, float32, shaped as `known`. */
  readonly mask: HostTensor;
  /** Seed of all noise, a whole number in [0, 2^53): other seeds complete otherwise. */
  readonly seed: number;
  /** A sampler of single steps; `flowMapSampler()` for a flow map and `heun()` for a velocity field unless given. */
  readonly sampler?: Sampler;
  /** Equal steps from noise to data; 8 for samplers that follow a flow map and 32 for others unless given. */
  readonly steps?: number;
  /** How often each step but the last is made, at least 1; 1 unless given. */
  readonly repeats?: number;
}

/**
 * Completes data of which parts are known. After each step of a sampler to time s, the known values are replaced by
 * their point of the path with new noise, `alpha(s) y + sigma(s) z`, so that the steps lead the wanted values to what
 * fits; at the end they are exactly those given. Repeats noise the points back to where the step began and make it
 * again, after which known and wanted values fit better (Lugmayr et al., "RePaint: Inpainting using denoising diffusion
 * probabilistic models", 2022, algorithm 1). With `sampler: consistency()` it is the inpainting of consistency models
 * (Song et al., "Consistency models", 2023, algorithm 4). All approximate the distribution of the wanted values given
 * the known ones; {@link optimizeNoise} with a {@link measurement} is another way.
 *
 * @returns samples `[count, ...shape]`
 * @throws {ConfigError} for an unknown option, a mask with values other than 0 and 1, counts that are not whole numbers
 *   >= 1, a multistep sampler, or conditions that the network lacks or does not take
 * @throws {ShapeError} for data that is not float32 `[count, ...shape]`, or a mask that is not shaped as it
 *
 * @example
 * const images = await inpaint(animals, { runtime, known, mask, seed: 0, labels: ['cat'], repeats: 4 });
 */
export async function inpaint(given: Model, options: InpaintOptions): Promise<HostTensor> {
  requireKnownOptions('inpaint', options, {
    runtime: true,
    known: true,
    mask: true,
    seed: true,
    sampler: true,
    steps: true,
    repeats: true,
    labels: true,
    guidance: true,
    batchSize: true,
  });
  const { runtime, known, mask, seed, repeats = 1 } = options;
  requireRuntime('runtime', runtime);
  const model = checkedModel('model', given);
  const { sampler = samplerOf(model) } = options;
  const { steps = sampler.needs.interval ? 8 : 32 } = options;
  requireSamples('inpaint, known', known, model);
  requireMask(mask, known);
  requireFits('inpaint', sampler, model);
  requireSingleSteps(sampler);
  requireWhole('inpaint.seed', seed, 0);
  requireWhole('inpaint.repeats', repeats);
  const jumps = jumpsOf(steps, repeats);
  const [count = 0, ...shape] = known.shape;
  const batchSize = batchSizeOf(options, count);
  const rows = checkedRows(model.network, { noise: known, conditions: rowsFor(model, options, count) });
  const down = await compileDown(runtime, model, sampler, batchSize);
  const up = await runtime.compile(upProgram(model, batchSize)).catch(async (error: unknown) => {
    await down.dispose();
    throw error;
  });
  const size = sizeOf(shape);
  const array = runtime.precision === 'float64' ? Float64Array : Float32Array;
  const out = array.from(known.data);
  try {
    for (let first = 0; first < count; first += batchSize) {
      const live = Math.min(batchSize, count - first);
      const part = (tensor: HostTensor): HostTensor => {
        const data = new array(batchSize * size);
        data.set(tensor.data.subarray(first * size, (first + live) * size));
        return hostTensor([batchSize, ...shape], data);
      };
      const noise = (purpose: string, step: number): HostTensor => {
        const data = new Float32Array(batchSize * size);
        data.set(normalBatch({ seed, purpose: `inpaint.${purpose}`, step }, [live, ...shape], first));
        return hostTensor([batchSize, ...shape], data);
      };
      await down.writeState({ known: part(known), mask: part(mask) });
      const conditions = withPrefix('conditions', rowsOf(rows, first, batchSize));
      const end = await complete({ down, up }, jumps, conditions, noise);
      out.set(end.data.subarray(0, live * size), first * size);
    }
    // Known values are those given to the bit, whatever the precision of the runtime.
    return hostTensor(
      known.shape,
      out.map((value, i) => (mask.data[i] === 1 ? known.data[i]! : value)),
    );
  } finally {
    await Promise.all([down.dispose(), up.dispose()]);
  }
}

/** Completes one batch. */
async function complete(
  { down, up }: { readonly down: Executable; readonly up: Executable },
  jumps: readonly (readonly [t: number, s: number])[],
  conditions: Feeds,
  noise: (purpose: string, step: number) => HostTensor,
): Promise<HostTensor> {
  let x: Feeds[string] = noise('start', 0);
  try {
    for (const [i, [t, s]] of jumps.entries()) {
      const times = hostTensor([2], Float64Array.of(t, s));
      const results: Feeds =
        s < t
          ? await down.run({ x, times, noise: stackHostTensors([noise('step', i), noise('known', i)]), ...conditions })
          : await up.run({ x, times, noise: noise('up', i) });
      if ('dispose' in x) x.dispose();
      x = results['x']!;
    }
    return 'read' in x ? await x.read() : x;
  } finally {
    if ('dispose' in x) x.dispose();
  }
}

/** Pairs of times, each step but the last down, up and down again. */
function jumpsOf(steps: number, repeats: number): (readonly [t: number, s: number])[] {
  const times = uniformGrid(steps);
  return Array.from({ length: steps }, (_, i) => {
    const [t, s] = [times[i]!, times[i + 1]!];
    const again = i + 1 < steps ? repeats - 1 : 0;
    return [[t, s], ...Array.from({ length: again }, () => [[s, t], [t, s]]).flat()] as [number, number][]; // prettier-ignore
  }).flat();
}

/** Compiles a step towards data, after which the known values are replaced. */
function compileDown(runtime: Runtime, model: Model, sampler: Sampler, batchSize: number): Promise<Executable> {
  const points = [batchSize, ...model.network.config.shape];
  const signature = {
    batchSize,
    inputs: { x: points, times: [2], noise: [2, ...points] },
    state: { known: points, mask: points },
  };
  const path = pathOf(model);
  return compileField(runtime, `inpainting by ${sampler.name}`, model, signature, (field, tensors) => {
    const [t, s] = timesOf(tensors['times']!, batchSize);
    const noise = (i: number): Tensor =>
      tensors['noise']!.slice([i, ...points.map(() => 0)], [i + 1, ...points]).reshape(points);
    const [x, known, mask] = [tensors['x']!, tensors['known']!, tensors['mask']!];
    const { x: next } = carriedStep(sampler.step(field, x, t, s, { path, noise: noise(0), carry: {} }));
    const placed = interpolate(known, noise(1), s, path);
    return { x: select(mask.equal(1), placed, next) };
  });
}

/** A step back towards noise. */
function upProgram(model: Model, batchSize: number): Program {
  const points = [batchSize, ...model.network.config.shape];
  const path = pathOf(model);
  return program('noising', { inputs: { x: points, times: [2], noise: points } }, ({ x, times, noise }) => {
    const [t, s] = timesOf(times, batchSize);
    return { outputs: { x: noised(x, t, s, noise, path) } };
  });
}

function timesOf(times: Tensor, batchSize: number): [t: Tensor, s: Tensor] {
  const time = (i: number): Tensor => times.slice([i], [i + 1]).broadcastTo([batchSize]);
  return [time(0), time(1)];
}

function requireMask(mask: HostTensor, known: HostTensor): void {
  if (!sameShape(mask.shape, known.shape))
    throw new ShapeError('inpaint, mask', `[${known.shape.join(', ')}]`, [mask.shape]);
  const wrong = mask.data.findIndex((value) => value !== 0 && value !== 1);
  if (wrong !== -1) throw new ConfigError('inpaint.mask', `wanted 0 and 1 alone, got ${mask.data[wrong]!}`);
}

function requireSingleSteps(sampler: Sampler): void {
  if (!sampler.carry) return;
  const why = 'what it carries from step to step does not know of the known values';
  throw new ConfigError('inpaint.sampler', `wanted one of single steps, got '${sampler.name}': ${why}`);
}
