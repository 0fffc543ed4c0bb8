export {
  parseOptions,
  runCommand,
  type CommandContext,
  type CommandOutput,
  type CommandSpec,
} from './command-line/command.js';
export { DISTILLATION_OPTIONS, distillationOf } from './command-line/distillation.js';
export { group, type GroupEntry, type GroupSpec, type Program } from './command-line/group.js';
export { requireApart } from './command-line/run-folder.js';
export { IMAGE_OPTIONS, printData, readImages, UNET_OPTIONS, type ReadImages } from './command-line/images.js';
export { interruptible } from './command-line/interruptible.js';
export {
  choice,
  choices,
  flag,
  fraction,
  LOGGING_OPTIONS,
  names,
  pathArgument,
  pathOr,
  positive,
  positives,
  requiredPath,
  side,
  whole,
  wholes,
  words,
  type Config,
  type OptionSpec,
  type OptionTable,
  type OptionValue,
} from './command-line/options.js';
export { requireUnread } from './command-line/require-unread.js';
export { showProgress, type ProgressOf } from './command-line/progress.js';
export { openRuntime, RUNTIME_OPTIONS, TRAINING_RUNTIME_OPTIONS } from './command-line/runtime.js';
export { flowmap } from './flowmap.js';
