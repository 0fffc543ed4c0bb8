// The packages are not installed in this repository: they download a library of 400 MB.
declare module '@tensorflow/tfjs-node' {
  const tf: unknown;
  export default tf;
}
declare module '@tensorflow/tfjs-node-gpu' {
  const tf: unknown;
  export default tf;
}
