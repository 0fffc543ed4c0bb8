import { AttributeProto_AttributeType as Type, type GraphProto } from 'onnx-buf';
import { numberInput, numberOf, ofType, type Call, type Operator, type Operators } from '../call.js';
import { BOOL, INT64 } from '../element-types.js';
import { isKnown, numbers, type Value } from '../value.js';

function graphOf(call: Call, name: string): GraphProto {
  return ofType(call, name, Type.GRAPH, 'a graph')?.g ?? call.refuse(`its ${name} is missing`);
}

const branch: Operator = {
  inputs: [1, 1],
  without: 'conditions that are computed from the values of inputs',
  trace(call) {
    const condition = numberInput(call, 0, 'condition') ?? call.refuse('its condition is missing');
    return call.trace(graphOf(call, condition !== 0 ? 'then_branch' : 'else_branch'), []);
  },
};

/** The most rounds of a loop, which is traced round by round. */
const MOST_ROUNDS = 4096;

const loop: Operator = {
  inputs: [0, Infinity],
  without: 'numbers of rounds that are computed from the values of inputs, and what is collected over rounds',
  trace(call) {
    const body = graphOf(call, 'body');
    const rounds = numberInput(call, 0, 'number of rounds') ?? Infinity;
    let goesOn = numberInput(call, 1, 'condition') !== 0;
    let carried: Value[] = call.inputs
      .slice(2)
      .map((value) => value ?? call.refuse('a value that it carries is missing'));
    if (body.output.length !== carried.length + 1) call.refuse('it collects values over its rounds');
    for (let round = 0; goesOn && round < rounds; round++) {
      if (round >= MOST_ROUNDS) call.refuse(`it has more than ${MOST_ROUNDS} rounds`);
      const results = call.trace(body, [numbers(INT64, [], [round]), numbers(BOOL, [], [1]), ...carried]);
      const [next, ...values] = results;
      if (next === undefined || !isKnown(next)) return call.refuse('its condition is computed from the inputs');
      goesOn = numberOf(call, next, 'condition') !== 0;
      carried = values;
    }
    return carried;
  },
};

/** Control flow that is decided while tracing. */
export const control: Operators = { If: branch, Loop: loop };
