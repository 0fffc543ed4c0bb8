import { describeRuntime } from '@flowmap/tensor/testing';
import { referenceRuntime } from './reference-runtime.js';

// Against itself, values agree trivially and the contract checks how executables behave; that the numbers are right is
// checked by closed forms and central differences, here and in `@flowmap/tensor`.
describeRuntime('reference runtime', referenceRuntime, { oracle: referenceRuntime });
