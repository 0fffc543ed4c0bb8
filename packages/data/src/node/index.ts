export { cifar10Binary } from './cifar10-binary.js';
export { ImageSizeError } from './errors.js';
export type { ImageSize } from './errors.js';
export { idxFiles } from './idx-files.js';
export type { IdxFilesOptions } from './idx-files.js';
export { imageFolder } from './image-folder.js';
export type { ImageFolderOptions } from './image-folder.js';
export { encodeImageGrid, writeImageGrid } from './write-image-grid.js';
