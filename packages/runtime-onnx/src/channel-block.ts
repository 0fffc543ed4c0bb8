import { encodeModel } from './encode-model.js';
import { Graph } from './graph.js';
import type { Ort } from './load-ort.js';
import { sessionOptions } from './session-options.js';

const CHANNELS = 64;

/**
 * Channels per block of the layout in which onnxruntime has special convolutions for this processor (8 with AVX2, 16
 * with AVX-512); undefined if it has none. Determined by having an image of two pixels converted to that layout.
 */
export async function channelBlockOf(ort: Ort): Promise<number | undefined> {
  const image = { shape: [1, CHANNELS, 1, 2], dtype: 'float32' } as const;
  const graph = new Graph();
  graph.output('blocks', graph.node('com.microsoft.nchwc.ReorderInput', ['image']));
  const model = encodeModel(graph.finish('blocks', { image }, { blocks: image }), graph.domains);
  // A build of onnxruntime without the operator is not a failure to report.
  const quiet = { logSeverityLevel: 4 } as const;
  try {
    const session = await ort.InferenceSession.create(model, { ...sessionOptions('cpu', 'cpu'), ...quiet });
    const pixels = Float32Array.from({ length: 2 * CHANNELS }, (_, i) => i);
    const { blocks } = await session.run({ image: new ort.Tensor('float32', pixels, image.shape) }, quiet);
    await session.release();
    // The second pixel of the first channel comes after the first pixel of a block of channels.
    const block = (blocks!.data as Float32Array).indexOf(1);
    return block > 1 ? block : undefined;
  } catch {
    return undefined;
  }
}
