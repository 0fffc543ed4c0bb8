import { turns } from '@flowmap/tensor';
import type { InferenceSession } from 'onnxruntime-node';
import type { Ort } from '../load-ort.js';

type Create = Ort['InferenceSession']['create'];

/**
 * Lets the sessions of a build of onnxruntime-web take turns. Its WebAssembly waits for the GPU in the middle of a
 * call, and the effect of another call meanwhile is undefined.
 */
export function oneAtATime(create: Create): Create {
  const inTurn = turns();
  const queued =
    <Arguments extends unknown[], Result>(call: (...args: Arguments) => Promise<Result>) =>
    (...args: Arguments): Promise<Result> =>
      inTurn(() => call(...args));
  return queued(async (model, options) => {
    const session = await create(model, options);
    session.run = queued(session.run.bind(session)) as InferenceSession['run'];
    session.release = queued(session.release.bind(session));
    return session;
  });
}
