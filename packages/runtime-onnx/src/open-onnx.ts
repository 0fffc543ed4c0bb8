import { host } from '#host';
import {
  checkFeeds,
  DisposedError,
  FeedError,
  requireKnownOptions,
  specText,
  turns,
  type HostTensor,
  type HostTensors,
  type TensorSpec,
} from '@flowmap/tensor';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { elementType, fromElements, toElements, type ElementType } from './element-types.js';
import type { Ort } from './load-ort.js';
import { OnnxModelError, reasonNotOpened, reasonNotRun, shown } from './onnx-model-error.js';
import { openChosen } from './choose-device.js';
import type { OnnxRuntimeOptions } from './onnx-runtime.js';
import { sessionOptions } from './session-options.js';

/** An input or output of an ONNX model, as host tensors see it. */
export interface OnnxValue {
  /** The dtype of its host tensors: ONNX integers of any size are `int32`, and float64 is `float32` held in doubles. */
  readonly dtype: TensorSpec['dtype'];
  /**
   * Extents, outermost first: a number; the name of an extent that can have any size; null for one without a name. `[]`
   * is a scalar, or a tensor whose shape the file does not specify.
   */
  readonly shape: readonly (number | string | null)[];
}

/** An ONNX model ready to run: a function from its named inputs to its named outputs. */
export interface OnnxModel {
  /**
   * Runs the model once. Calls may overlap; they take turns. The inputs of a call must not change until it has settled.
   *
   * @param inputs every input by its name
   * @returns every output by its name, in memory owned by the caller
   * @throws {FeedError} for a missing or unknown input, or one of a wrong dtype, rank or extent
   * @throws {OnnxModelError} when the run fails, or an output cannot be a host tensor: it is empty, or has a number
   *   beyond int32
   * @throws {DisposedError} after `dispose`
   */
  (inputs: HostTensors): Promise<Record<string, HostTensor>>;
  readonly inputs: Readonly<Record<string, OnnxValue>>;
  readonly outputs: Readonly<Record<string, OnnxValue>>;
  /** Releases the model once earlier calls have settled; a second call waits for the first. */
  dispose(): Promise<void>;
}

/** Where a model runs, as for {@link onnxRuntime}. */
export type OpenOnnxOptions = Pick<OnnxRuntimeOptions, 'device' | 'threads' | 'wasmPaths'>;

/**
 * Opens an ONNX model from anywhere as an async function from named host tensors to named host tensors.
 *
 * onnxruntime reads the file with code that is not hardened against malicious files: only open files from sources you
 * trust.
 *
 * @param model path of the file, with any external data beside it (in a browser its address, without external data); or
 *   its bytes, which must contain everything
 * @throws {OnnxModelError} when the file is missing or not an ONNX model, or when it needs an operator, a version or an
 *   element type that onnxruntime or host tensors lack, or missing external data
 * @throws {RuntimeUnavailableError | UnsupportedError} for the device and the threads, as `onnxRuntime` does
 *
 * @example
 * const teacher = await openOnnx('teacher.onnx', { device: 'cpu' });
 * const { velocity } = await teacher({ x, t });
 */
export async function openOnnx(model: string | Uint8Array, options: OpenOnnxOptions = {}): Promise<OnnxModel> {
  requireKnownOptions('openOnnx', options, { device: true, threads: true, wasmPaths: true });
  const name = typeof model === 'string' ? model : `of ${model.byteLength} bytes`;
  const { ort, device } = await openChosen(options);
  const session = await create(ort, model, name, {
    ...sessionOptions(device, 'cpu', options),
    // Foreign models may contain what programs do not, and onnxruntime's messages are in the errors.
    extra: {},
    logSeverityLevel: 4,
  });
  try {
    return runnable(session, ort, name);
  } catch (error) {
    await session.release();
    throw error;
  }
}

async function create(
  ort: Ort,
  model: string | Uint8Array,
  name: string,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  if (typeof model !== 'string' && model.byteLength === 0) throw new OnnxModelError(name, 'it is empty');
  try {
    return await (typeof model === 'string'
      ? host.openFile(ort, model, options)
      : ort.InferenceSession.create(model, options));
  } catch (cause) {
    throw cause instanceof OnnxModelError ? cause : new OnnxModelError(name, reasonNotOpened(cause), { cause });
  }
}

/** @throws {OnnxModelError} for an input or output that cannot be a host tensor */
function runnable(session: InferenceSession, ort: Ort, name: string): OnnxModel {
  const inputs = valuesOf(session.inputMetadata, 'input', name);
  const outputs = valuesOf(session.outputMetadata, 'output', name);
  const inTurn = turns();
  let disposed: Promise<void> | undefined;

  const run = async (given: HostTensors): Promise<Record<string, HostTensor>> => {
    const feeds = inputs.map(([input, { type }]) => [input, toElements(ort, type, given[input]!)] as const);
    let results: Readonly<Record<string, OrtTensor>>;
    try {
      results = await session.run(Object.fromEntries(feeds), { logSeverityLevel: 4 });
    } catch (cause) {
      throw new OnnxModelError(name, reasonNotRun(cause), { cause });
    }
    const tensors = outputs.map(([output]) => [output, fromElements(results[output]!)] as const);
    return Object.fromEntries(
      tensors.map(([output, tensor]) => {
        if (typeof tensor === 'string') throw new OnnxModelError(name, `output '${shown(output)}' ${tensor}`);
        return [output, tensor];
      }),
    );
  };

  const call = async (given: HostTensors): Promise<Record<string, HostTensor>> => {
    if (disposed !== undefined) throw new DisposedError(`ONNX model ${shown(name)}`);
    checkInputs(shown(name), inputs, given);
    return inTurn(() => run(given));
  };
  return Object.assign(call, {
    inputs: Object.fromEntries(inputs),
    outputs: Object.fromEntries(outputs),
    dispose() {
      disposed ??= inTurn(() => session.release());
      return disposed;
    },
  });
}

type Values = readonly (readonly [name: string, value: OnnxValue & { readonly type: ElementType }])[];

function valuesOf(metadata: InferenceSession['inputMetadata'], kind: 'input' | 'output', model: string): Values {
  return metadata.map((value) => {
    const type = value.isTensor ? value.type : 'no tensor';
    const known = elementType(type);
    if (!value.isTensor || known === undefined) {
      const fault = value.isTensor ? `has elements of type ${type}` : 'is no tensor';
      throw new OnnxModelError(model, `${kind} '${shown(value.name)}' ${fault}, which host tensors cannot hold`);
    }
    const shape = value.shape.map((extent) => (extent === '' ? null : extent));
    return [value.name, { type: known, dtype: known.dtype, shape }];
  });
}

/** Checks inputs against what the model takes; named extents can have any size. */
function checkInputs(model: string, inputs: Values, given: HostTensors): void {
  const names = inputs.map(([name]) => shown(name)).join(', ') || 'none';
  for (const name of Object.keys(given)) {
    if (inputs.some(([input]) => input === name)) continue;
    throw new FeedError(model, name, `unknown input '${shown(name)}'; it takes: ${names}`);
  }
  for (const [name, value] of inputs) {
    const { dtype, shape } = value;
    const wanted = `${dtype} [${shape.map((extent) => (extent === null ? 'any' : shown(String(extent)))).join(', ')}]`;
    const refuse = (problem: string): never => {
      throw new FeedError(model, name, `input '${shown(name)}' (${wanted}) ${problem}`);
    };
    const feed = Object.hasOwn(given, name) ? given[name] : undefined;
    if (feed === undefined) return refuse(`is missing; it takes: ${names}`);
    // An empty shape may also be one that the file does not specify; onnxruntime distinguishes the two.
    const fits = (extent: OnnxValue['shape'][number], axis: number): boolean =>
      typeof extent === 'number' ? feed.shape[axis] === extent : feed.shape[axis]! >= 1;
    const isOther = shape.length > 0 && (feed.shape.length !== shape.length || !shape.every(fits));
    if (feed.dtype !== dtype || isOther) return refuse(`got ${specText(feed)}`);
    checkFeeds({ name: model, inputs: { [name]: feed }, state: {}, outputs: {}, updates: {} }, 'input', {
      [name]: feed,
    });
    const wrong = value.type.firstOutside(feed.data);
    if (wrong !== undefined) refuse(`is of type ${value.type.name}, which cannot hold ${wrong}`);
  }
}
