export { loadFlowMap, loadModel, loadVelocityField, saveModel } from './model-files.js';
export { writeFileAtomic } from './write-file-atomic.js';
