import { full, jvp, vjp, type Tensor } from '@flowmap/tensor';

/** First derivatives in both modes, and second ones in every mix of them. */
export function derivatives(f: (x: Tensor) => Tensor, x: Tensor): Readonly<Record<string, Tensor>> {
  const one = full(1, x.shape, x.dtype);
  const forward = (g: (x: Tensor) => Tensor) => (x: Tensor) => jvp(g, [x], [one])[1];
  const reverse = (g: (x: Tensor) => Tensor) => (x: Tensor) => vjp(g, [x])[1](one)[0]!;
  return {
    JVP: forward(f)(x),
    VJP: reverse(f)(x),
    'JVP of JVP': forward(forward(f))(x),
    'JVP of VJP': forward(reverse(f))(x),
    'VJP of JVP': reverse(forward(f))(x),
    'VJP of VJP': reverse(reverse(f))(x),
  };
}
