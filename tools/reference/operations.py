"""The composite operations of packages/tensor, each as a function of arrays and of the options of a case."""

import jax
import jax.numpy as jnp


def attention(query: jax.Array, key: jax.Array, value: jax.Array) -> jax.Array:
    scores = jnp.einsum("...qd,...kd->...qk", query, key) / query.shape[-1] ** 0.5
    return jnp.einsum("...qk,...kd->...qd", jax.nn.softmax(scores, axis=-1), value)


def conv2d(
    x: jax.Array,
    weight: jax.Array,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> jax.Array:
    return jax.lax.conv_general_dilated(
        x,
        weight,
        window_strides=stride,
        padding=[(p, p) for p in padding],
        rhs_dilation=dilation,
        dimension_numbers=("NCHW", "OIHW", "NCHW"),
        feature_group_count=groups,
    )


def layer_norm(x: jax.Array, epsilon: float = 1e-6) -> jax.Array:
    mean = jnp.mean(x, axis=-1, keepdims=True)
    variance = jnp.var(x, axis=-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + epsilon)


def group_norm(x: jax.Array, groups: int, epsilon: float = 1e-5) -> jax.Array:
    return layer_norm(x.reshape(x.shape[0], groups, -1), epsilon).reshape(x.shape)


def rms_norm(x: jax.Array, epsilon: float = 1e-6) -> jax.Array:
    return x * jax.lax.rsqrt(jnp.mean(x**2, axis=-1, keepdims=True) + epsilon)


def pixel_norm(x: jax.Array, epsilon: float = 1e-6) -> jax.Array:
    return x * jax.lax.rsqrt(jnp.mean(x**2, axis=1, keepdims=True) + epsilon)


OPERATIONS = {
    "attention": attention,
    "conv2d": conv2d,
    "layerNorm": layer_norm,
    "groupNorm": group_norm,
    "rmsNorm": rms_norm,
    "pixelNorm": pixel_norm,
}
