"""The networks of packages/flowmap-core/src/networks in JAX, as functions of a dict of parameters.

The transformer is that of tools/reference/dit.py; feature maps of the U-net are NHWC, as XLA's CPU convolutions
require.
"""

from typing import Any, Callable, Optional

import jax
import jax.numpy as jnp
from jax import Array

from dit import DitConfig, dense, dit, rms_norm, time_features

Params = dict[str, Array]
Network = Callable[[Params, Array, Array, Array, Optional[Array]], Array]


def network(config: dict[str, Any]) -> Network:
    """F(params, x, t, s, label) of a network's configuration."""
    if config["type"] == "dit":
        fields = DitConfig(**{name: config[name] for name in DitConfig._fields})
        return lambda params, x, t, s, label: dit(fields, params, x, t, s, label)
    apply = {"mlp": mlp, "unet": unet}[config["type"]]
    return lambda params, x, t, s, label: apply(config, params, x, conditioning(params, t, s, label))


def mlp(config: dict[str, Any], p: Params, x: Array, c: Array) -> Array:
    h = dense(p, "input", x)
    for i in range(config["depth"]):
        inner = dense(p, f"block{i}.inner", rms_norm(h)) + dense(p, f"block{i}.condition", c)
        h = h + dense(p, f"block{i}.outer", jax.nn.silu(inner))
    return dense(p, "output", rms_norm(h))


def unet(config: dict[str, Any], p: Params, x: Array, c: Array) -> Array:
    levels, size = range(len(config["channels"])), config["groupSize"]

    def stage(name: str, h: Array) -> Array:
        for i in range(config["blocks"]):
            h = residual_block(p, f"{name}.{i}", h, c, size)
        return h

    skips = []
    h = convolution(p, "input", x.transpose(0, 2, 3, 1))
    for level in levels:
        h = stage(f"down{level}", average_pool(h) if level > 0 else h)
        skips.append(h)
    if config["heads"] > 0:
        h = attention_block(p, "middle.attention", h, config["heads"])
    for level in reversed(levels):
        if level < levels[-1]:
            h = skips[level] + enlarge(convolution(p, f"widen{level}", h))
        h = stage(f"up{level}", h)
    return convolution(p, "output", jax.nn.silu(normalize(h, size))).transpose(0, 3, 1, 2)


def residual_block(p: Params, name: str, x: Array, c: Array, size: int) -> Array:
    scale, shift = jnp.split(dense(p, f"{name}.modulation", c), 2, axis=1)
    h = convolution(p, f"{name}.inner", jax.nn.silu(normalize(x, size)))
    residual = convolution(p, f"{name}.outer", jax.nn.silu(normalize(h, size, scale, shift)))
    return (convolution(p, f"{name}.skip", x) if f"{name}.skip.weight" in p else x) + residual


def attention_block(p: Params, name: str, x: Array, heads: int) -> Array:
    batch, height, width, channels = x.shape
    qkv = dense(p, f"{name}.qkv", rms_norm(x.reshape(batch, height * width, channels)))
    query, key, value = jnp.moveaxis(qkv.reshape(batch, height * width, 3, heads, channels // heads), 2, 0)
    scores = jnp.einsum("bqhd,bkhd->bhqk", query, key) / (channels // heads) ** 0.5
    attended = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores, axis=-1), value)
    return x + dense(p, f"{name}.projection", attended.reshape(batch, height * width, channels)).reshape(x.shape)


def normalize(x: Array, size: int, scale: Optional[Array] = None, shift: Optional[Array] = None) -> Array:
    """Root-mean-square group norm, then (1 + scale) x + shift per channel."""
    batch, height, width, channels = x.shape
    mean_square = jnp.mean(jnp.square(x).reshape(batch, height * width, channels // size, size), axis=(1, 3))
    factor = jnp.repeat(jax.lax.rsqrt(mean_square + 1e-5), size, axis=1)
    if scale is None or shift is None:
        return x * factor[:, None, None, :]
    return x * (factor * (1 + scale))[:, None, None, :] + shift[:, None, None, :]


def conditioning(p: Params, t: Array, s: Array, label: Optional[Array]) -> Array:
    c = dense(p, "time.1", jax.nn.silu(dense(p, "time.0", time_features(t))))
    c = c + dense(p, "interval.1", jax.nn.silu(dense(p, "interval.0", time_features(t - s))))
    return jax.nn.silu(c if label is None else c + p["class.weight"][label])


def convolution(p: Params, name: str, x: Array) -> Array:
    out = jax.lax.conv_general_dilated(
        x, p[f"{name}.weight"], (1, 1), "SAME", dimension_numbers=("NHWC", "OIHW", "NHWC")
    )
    return out + p[f"{name}.bias"]


def average_pool(x: Array) -> Array:
    batch, height, width, channels = x.shape
    return x.reshape(batch, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4))


def enlarge(x: Array) -> Array:
    """Nearest-neighbour enlargement to twice the height and width."""
    batch, height, width, channels = x.shape
    wide = jnp.broadcast_to(x[:, :, None, :, None, :], (batch, height, 2, width, 2, channels))
    return wide.reshape(batch, 2 * height, 2 * width, channels)
