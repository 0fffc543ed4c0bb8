import { describeRuntime } from '@flowmap/tensor/testing';
import { referenceRuntime } from './reference-runtime.js';

// Against itself, values agree trivially and the contract checks how executables behave; the numbers are checked
// against closed forms and central differences, here and in `@flowmap/tensor`.
describeRuntime('reference runtime', referenceRuntime, { oracle: referenceRuntime });
