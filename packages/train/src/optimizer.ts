export type { Optimizer, ParameterUpdate } from '@flowmap/core';
