import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { Ort } from './load-ort.js';

type Tensors = Readonly<Record<string, OrtTensor>>;

/** A model that onnxruntime is ready to run. */
export interface Session {
  /** Whether `run` writes into the memory it is given; otherwise the results of each run have memory of their own. */
  readonly inPlace: boolean;
  /**
   * @param feeds every input by its name
   * @param results if `inPlace`: every output by its name, to be overwritten
   */
  run(feeds: Tensors, results?: Tensors): Tensors | Promise<Tensors>;
  release(): void | Promise<void>;
}

export type CreateSession = (model: Uint8Array, options: InferenceSession.SessionOptions) => Session | Promise<Session>;

/** Sessions of onnxruntime's own JavaScript API. */
export function plainSessions(ort: Ort): CreateSession {
  return async (model, options) => {
    const session = await ort.InferenceSession.create(model, options);
    return { inPlace: false, run: (feeds) => session.run(feeds), release: () => session.release() };
  };
}
