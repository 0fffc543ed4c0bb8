import {
  interpolate,
  linearPath,
  mixtureFlowMap,
  mixtureVelocity,
  perSample,
  velocityOnPath,
  type FlowMap,
  type Mixture,
  type Objective,
  type Path,
  type VelocityField,
} from '@flowmap/core';
import { gradients, hostTensor, normals, program, type HostTensors, type Runtime, type Shape, type Tensor } from '@flowmap/tensor';

/** A flow map that is known exactly, and its velocity. */
export interface ExactMap {
  readonly map: FlowMap;
  readonly teacher: VelocityField;
  readonly path?: Path;
}

/** The exact map of a mixture on another path, off the diagonal: its points are those of the linear path, scaled. */
export function mixtureOn(path: Path, mixture: Mixture): ExactMap {
  const linear = mixtureFlowMap(mixture);
  const placeOf = (t: Tensor): { time: Tensor; scale: Tensor } => {
    const { alpha, sigma } = path.at(t);
    return linearPath.locate(alpha, sigma);
  };
  const map: FlowMap = {
    averageVelocity: (x, t, s) => map.map(x, t, s).sub(x).div(perSample(s.sub(t), x)),
    map(x, t, s) {
      const [start, end] = [placeOf(t), placeOf(s)];
      const reached = linear.map(x.div(perSample(start.scale, x)), start.time, end.time);
      return reached.mul(perSample(end.scale, x));
    },
    under: () => map,
  };
  return { map, teacher: velocityOnPath(mixtureVelocity(mixture), { from: linearPath, to: path }), path };
}

/** Parameters of {@link perturbed}, at which it is the exact map, and ones that move each of its terms. */
const EXACT = [0, 0, 0, 0];
const PERTURBED = [0.05, -0.05, 0.05, 0.05];

/** `F = (1 + p0) F* + p1 + p2 t x + p3 s`, for an exact F*. */
function perturbed({ averageVelocity }: Pick<FlowMap, 'averageVelocity'>, p: readonly Tensor[]): FlowMap {
  const [scale, shift, slope, target] = p as [Tensor, Tensor, Tensor, Tensor];
  const student: FlowMap = {
    averageVelocity: (x, t, s) =>
      averageVelocity(x, t, s)
        .mul(scale.add(1))
        .add(shift)
        .add(perSample(t, x).mul(x).mul(slope))
        .add(perSample(s, x).mul(target)),
    map: (x, t, s) => x.add(perSample(s.sub(t), x).mul(student.averageVelocity(x, t, s))),
    under: () => student,
  };
  return student;
}

/**
 * Norms of an objective's gradient at the exact map and at a perturbed one, over samples and times that the objective
 * draws. Every velocity that it asks for is the exact one, even where it would take the data's; the moving average of
 * the student is the exact map.
 */
export async function gradientNorms(
  runtime: Runtime,
  { map, teacher, path }: ExactMap,
  objective: Objective,
  count = 32,
): Promise<{ exact: number; perturbed: number }> {
  const progress = { step: 70, iterations: 100 };
  const { t, s, ...draws } = objective.draw({ seed: 0, ...progress }, count);
  const shapes = objective.draws ?? {};
  const feeds: HostTensors = {
    x0: hostTensor([count, 1], normals({ seed: 0, purpose: 'data' }, count)),
    noise: hostTensor([count, 1], normals({ seed: 0, purpose: 'noise' }, count)),
    t: hostTensor([count], t),
    s: hostTensor([count], s),
    ...named('draws', shapes, (name) => hostTensor([count, ...shapes[name]!], draws[name]!)),
    ...named('schedules', objective.schedules, (name) => hostTensor([], [objective.schedules[name]!(progress)])),
  };
  const parameters = ['p0', 'p1', 'p2', 'p3'];
  const specs: Record<string, Shape> = Object.fromEntries([
    ...Object.entries(feeds).map(([name, { shape }]) => [name, shape] as const),
    ...parameters.map((name) => [name, []] as const),
  ]);
  const built = program('gradient', { inputs: specs }, (inputs) => {
    const [x0, noise, t, s] = ['x0', 'noise', 't', 's'].map((name) => inputs[name]!) as [Tensor, Tensor, Tensor, Tensor];
    const p = parameters.map((name) => inputs[name]!);
    const { loss } = objective.loss({
      student: perturbed(map, p),
      ...(objective.needs.average === undefined ? {} : { average: map }),
      x0,
      noise,
      xt: interpolate(x0, noise, t, path),
      ...(path === undefined ? {} : { path }),
      t,
      s,
      draws: Object.fromEntries(Object.keys(shapes).map((name) => [name, inputs[`draws.${name}`]!])),
      own: {},
      velocity: (x, time) => teacher.velocity({}, { x, t: time }),
      schedules: Object.fromEntries(Object.keys(objective.schedules).map((k) => [k, inputs[`schedules.${k}`]!])),
    });
    return { outputs: Object.fromEntries(gradients(loss, p).map((gradient, i) => [`g${i}`, gradient])) };
  });
  const executable = await runtime.compile(built);
  const normAt = async (values: readonly number[]): Promise<number> => {
    const at = parameters.map((name, i) => [name, hostTensor([], [values[i]!])] as const);
    const outputs = Object.values(await executable.run({ ...feeds, ...Object.fromEntries(at) }));
    const found = await Promise.all(outputs.map(async (gradient) => (await gradient.read()).data[0]!));
    return Math.hypot(...found);
  };
  const norms = { exact: await normAt(EXACT), perturbed: await normAt(PERTURBED) };
  await executable.dispose();
  return norms;
}

function named<T>(prefix: string, of: Readonly<Record<string, T>>, value: (name: string) => HostTensors[string]): HostTensors {
  return Object.fromEntries(Object.keys(of).map((name) => [`${prefix}.${name}`, value(name)]));
}
