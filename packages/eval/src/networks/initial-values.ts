import { hostTensor, normals, sizeOf, type HostTensors, type Shape } from '@flowmap/tensor';

/** Initial values: zero for biases, one for gains of norms, normal of variance 2 / inputs for matrices and kernels. */
export function initialValues(shapes: Readonly<Record<string, Shape>>, seed: number): HostTensors {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      if (shape.length === 1) {
        const value = name.endsWith('.weight') ? 1 : 0;
        return [name, hostTensor(shape, new Float32Array(shape[0]!).fill(value))];
      }
      const std = Math.sqrt(2 / sizeOf(shape.slice(1)));
      const drawn = normals({ seed, purpose: name }, sizeOf(shape));
      return [
        name,
        hostTensor(
          shape,
          Float32Array.from(drawn, (value) => std * value),
        ),
      ];
    }),
  );
}
