export { folderMoments, type FolderMoments, type FolderMomentsOptions } from './folder-moments.js';
