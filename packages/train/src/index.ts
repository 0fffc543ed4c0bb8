export { adamw, type AdamwOptions } from './adamw.js';
export { halflifeEma, powerEma } from './ema.js';
export { NonFiniteError, RunMismatchError, RuntimeLostError } from './errors.js';
export type { Optimizer, ParameterUpdate } from './optimizer.js';
export { constantSchedule, cosineSchedule, linearSchedule, type DecayOptions, type Schedule } from './schedules.js';
export { initialState, trainFeeds, type TrainFeedsOptions } from './train-feeds.js';
export { trainStep, type TrainStepOptions } from './train-step.js';
