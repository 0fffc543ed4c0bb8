import { choice, pathOr, requireUnread, whole, type Config } from 'flowmap/node';

/** Options of the comparison. */
export const IMPORTED_MODELS_OPTIONS = {
  folder: pathOr('folder of the files', 'DIR', 'out/models'),
  only: choice('the only models', ['diffusers', 'tensorflow', 'efficientnet', 'terrain'], null),
  threads: whole('threads of the computation', 1),
  steps: whole('steps of flow matching of the terrain model', 100),
  batchSize: whole('samples of each of them', 4),
};

/** @throws {ConfigError} for options of the terrain model where only others are compared */
export async function requireRead(config: Config<typeof IMPORTED_MODELS_OPTIONS>): Promise<void> {
  const { only } = config;
  if (only === null || only === 'terrain') return;
  await requireUnread(config, IMPORTED_MODELS_OPTIONS, ['steps', 'batchSize'], `with --only ${only}`);
}
