import { full, layerNorm, type Tensor } from '@flowmap/tensor';
import { axesOf, axisOf, flag, float, input, int, ints, type Operator, type Operators } from '../call.js';
import { ofRank, traced, type Value } from '../value.js';
import { floats } from './products.js';

/** `[c]` shaped to combine with `[n, c, ...]`. */
function perChannel(values: Tensor, x: Tensor): Tensor {
  return values.reshape([1, -1, ...x.shape.slice(2).map(() => 1)]);
}

const batchNorm: Operator = {
  inputs: [5, 5],
  without: 'training mode',
  trace(call) {
    if (flag(call, 'training_mode') || call.outputs > 1) {
      call.refuse('it is in training mode', 'export the model in evaluation mode');
    }
    const first = input(call, 0);
    const [x, scale, shift, mean, variance] = floats(call, first, ...[1, 2, 3, 4].map((i) => input(call, i)));
    const deviation = variance!.add(float(call, 'epsilon', 1e-5)).sqrt();
    const gain = perChannel(scale!.div(deviation), x!);
    const centred = x!.sub(perChannel(mean!, x!));
    return traced(first.type, centred.mul(gain).add(perChannel(shift!, x!)));
  },
};

const instanceNorm: Operator = {
  inputs: [3, 3],
  trace(call) {
    const first = input(call, 0);
    const [x, scale, shift] = floats(call, first, input(call, 1), input(call, 2)) as [Tensor, Tensor, Tensor];
    const [n, c] = x.shape as [number, number];
    const normal = layerNorm(x.reshape([n, c, -1]), float(call, 'epsilon', 1e-5)).reshape(x.shape);
    return traced(first.type, normal.mul(perChannel(scale, x)).add(perChannel(shift, x)));
  },
};

const groupNorm: Operator = {
  inputs: [3, 3],
  since: 18,
  trace(call) {
    const first = input(call, 0);
    const [x, scale, shift] = floats(call, first, input(call, 1), input(call, 2)) as [Tensor, Tensor, Tensor];
    const [n, c] = x.shape as [number, number];
    const groups = int(call, 'num_groups', 0);
    if (!(groups >= 1) || c % groups !== 0) call.refuse(`it has ${groups} groups of ${c} channels`);
    const normal = layerNorm(x.reshape([n, groups, -1]), float(call, 'epsilon', 1e-5));
    // Before set 21, gain and bias are those of a group.
    if (call.opset < 21 && scale.size === groups && groups !== c) {
      const affine = normal.mul(scale.reshape([1, -1, 1])).add(shift.reshape([1, -1, 1]));
      return traced(first.type, affine.reshape(x.shape));
    }
    return traced(first.type, normal.reshape(x.shape).mul(perChannel(scale, x)).add(perChannel(shift, x)));
  },
};

const layerNormalization: Operator = {
  inputs: [2, 3],
  since: 17,
  trace(call) {
    const first = input(call, 0);
    const [x, scale] = floats(call, first, input(call, 1)) as [Tensor, Tensor];
    const epsilon = float(call, 'epsilon', 1e-5);
    const axis = axisOf(call, int(call, 'axis', -1), x.rank);
    const rows = x.shape.slice(0, axis);
    const flat = x.reshape([...rows, -1]);
    const normal = layerNorm(flat, epsilon).reshape(x.shape);
    const scaled = normal.mul(ofRank(scale, x.rank));
    const shift = call.inputs[2];
    const y = shift === undefined ? scaled : scaled.add(ofRank(shift.tensor, x.rank));
    const statistics = (): Value[] => {
      const mean = flat.mean([-1], true);
      const deviation = flat.sub(mean).square().mean([-1], true).add(epsilon).sqrt();
      const shape = [...rows, ...x.shape.slice(axis).map(() => 1)];
      return [mean, full(1, [], x.dtype).div(deviation)].map((one) => traced(first.type, one.reshape(shape)));
    };
    return [traced(first.type, y), ...(call.outputs > 1 ? statistics() : [])];
  },
};

/** `x / |x|`, by the norm of order 1 or 2 along an axis. */
const lpNorm: Operator = {
  inputs: [1, 1],
  trace(call) {
    const x = input(call, 0);
    const [tensor] = floats(call, x) as [Tensor];
    const axis = axisOf(call, int(call, 'axis', -1), tensor.rank);
    const order = int(call, 'p', 2);
    if (order !== 1 && order !== 2) call.refuse(`its order p is ${order}`, '1 and 2 can be imported');
    const length = order === 1 ? tensor.abs().sum([axis], true) : tensor.square().sum([axis], true).sqrt();
    return traced(x.type, tensor.div(length));
  },
};

/** `(x - mean) / deviation` over axes. */
const meanVariance: Operator = {
  inputs: [1, 1],
  trace(call) {
    const x = input(call, 0);
    const [tensor] = floats(call, x) as [Tensor];
    const axes = axesOf(call, ints(call, 'axes') ?? [0, 2, 3], tensor.rank);
    const centred = tensor.sub(tensor.mean(axes, true));
    // The constant is that of the operator's definition.
    return traced(x.type, centred.div(centred.square().mean(axes, true).sqrt().add(1e-9)));
  },
};

/** Normalisations; gains and biases are operands. */
export const norms: Operators = {
  BatchNormalization: batchNorm,
  InstanceNormalization: instanceNorm,
  GroupNormalization: groupNorm,
  LayerNormalization: layerNormalization,
  LpNormalization: lpNorm,
  MeanVarianceNormalization: meanVariance,
};
