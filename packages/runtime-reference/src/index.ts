export { referenceRuntime } from './reference-runtime.js';
