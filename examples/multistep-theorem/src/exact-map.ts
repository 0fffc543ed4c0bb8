import { linearPath, pathOf, perSample, type FlowMap, type PathName } from '@flowmap/core';
import { hostTensor, program, type Runtime, type Tensor } from '@flowmap/tensor';
import type { LineMap } from './law.js';

/**
 * A flow map of the linear path on another path: points of the two at times with the same ratio of data to noise are
 * multiples of each other. Not for s = t.
 */
export function onPath(map: FlowMap, name: PathName): FlowMap {
  if (name === 'linear') return map;
  const path = pathOf({ path: name });
  const placeOf = (t: Tensor) => {
    const { alpha, sigma } = path.at(t);
    return linearPath.locate(alpha, sigma);
  };
  const moved: FlowMap = {
    averageVelocity: (x, t, s) =>
      moved
        .map(x, t, s)
        .sub(x)
        .div(perSample(s.sub(t), x)),
    map(x, t, s) {
      const [start, end] = [placeOf(t), placeOf(s)];
      const reached = map.map(x.div(perSample(start.scale, x)), start.time, end.time);
      return reached.mul(perSample(end.scale, x));
    },
    under: () => moved,
  };
  return moved;
}

/** A flow map as a function of numbers, for so many points at once. */
export async function compiledMap(
  runtime: Runtime,
  map: FlowMap,
  count: number,
): Promise<{ readonly map: LineMap; readonly dispose: () => Promise<void> }> {
  const executable = await runtime.compile(
    program('flow map', { inputs: { x: [count, 1], t: [], s: [] } }, ({ x, t, s }) => ({
      outputs: { end: map.map(x, t.broadcastTo([count]), s.broadcastTo([count])) },
    })),
  );
  return {
    async map(points, t, s) {
      const { end } = await executable.run({
        x: hostTensor([count, 1], points),
        t: hostTensor([], [t]),
        s: hostTensor([], [s]),
      });
      const { data } = await end!.read();
      end!.dispose();
      return Float64Array.from(data);
    },
    dispose: () => executable.dispose(),
  };
}

/** A map with a relative error of where it leads: `(1 + g) f`. */
export function leadingTooFar(map: LineMap, g: number): LineMap {
  return async (points, t, s) => (await map(points, t, s)).map((end) => (1 + g) * end);
}

/** A map with a relative error of its average velocity: `(1 + eta) F`. */
export function tooFast(map: LineMap, eta: number): LineMap {
  return async (points, t, s) => (await map(points, t, s)).map((end, i) => points[i]! + (1 + eta) * (end - points[i]!));
}
