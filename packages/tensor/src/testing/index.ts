export { evaluate } from './evaluate.js';
export { describeRuntime, type RuntimeContract } from './describe-runtime.js';
export { measureRuntime, type Exactness } from './measure-runtime.js';
export { checkDerivatives, type DerivativeCheck } from './check-derivatives.js';
