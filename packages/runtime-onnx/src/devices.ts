/** Where programs run: the execution providers of onnxruntime that this package knows. */
export type Device = 'cpu' | 'webgpu' | 'cuda';

export const devices: readonly Device[] = ['cpu', 'webgpu', 'cuda'];
