export { describeObjective, objectiveChecks, type ObjectiveContract, type ToyCase } from './describe-objective.js';
export { evaluateToy, type EvaluateToyOptions } from './evaluate-toy.js';
export { TOY_AVERAGE, toyAverageVelocity, toyStudent, toyVelocity, type ToyParameters, type ToySample } from './toy.js';
