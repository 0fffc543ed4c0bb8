export { folderMoments, type FolderMoments, type FolderMomentsOptions } from './folder-moments.js';
export { fetchWeights, loadClipMerges, loadWeights, type FetchedFile, type WeightName } from './load-weights.js';
export type { WeightOptions } from './obtain-file.js';
export { nativeLinearAlgebra, type NativeLinearAlgebraOptions } from './native-linear-algebra.js';
