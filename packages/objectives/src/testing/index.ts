export { describeObjective, evaluateToy, type ObjectiveContract } from './describe-objective.js';
export type { ToyParameters, ToySample } from './toy.js';
