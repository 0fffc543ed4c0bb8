export { homeFolder } from './home-folder.js';
export { lockChosenFolder, lockFolder, type FolderLock } from './lock-folder.js';
export { loadFlowMap, loadModel, loadVelocityField, saveModel } from './model-files.js';
export { openSafetensors, type SafetensorsFile } from './open-safetensors.js';
export { readJsonFile, readTextFile } from './read-json-file.js';
export { makeFolder, syncFolder } from './sync-folder.js';
export { removeTemporaries, writeFileAtomic } from './write-file-atomic.js';
