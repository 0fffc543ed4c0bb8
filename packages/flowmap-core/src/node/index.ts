export { loadFlowMap, loadModel, loadVelocityField, saveModel } from './model-files.js';
export { readJsonFile, readTextFile } from './read-json-file.js';
export { writeFileAtomic } from './write-file-atomic.js';
