export { describeObjective, evaluateToy, type ObjectiveContract } from './describe-objective.js';
export { toyStudent, type ToyParameters, type ToySample } from './toy.js';
