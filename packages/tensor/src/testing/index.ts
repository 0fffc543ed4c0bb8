export { evaluate } from './evaluate.js';
export { describeRuntime, type RuntimeContract } from './describe-runtime.js';
export { measureRuntime, type Exactness } from './measure-runtime.js';
export { at, kink, type Case } from './case.js';
export { awayFromZero, coins, distinct, integers, normal, positive, type Sample } from './samples.js';
export { derivativesOf, ofFloats, type Derivative, type DerivativeKind } from './derivatives.js';
export { mismatch, tolerances } from './compare.js';
export { disagreements } from './suite.js';
export { checkDerivatives, type DerivativeCheck } from './check-derivatives.js';
