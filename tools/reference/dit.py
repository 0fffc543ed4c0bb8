"""The diffusion transformer of packages/flowmap-core/src/networks/dit.ts as a function of a dict of parameters.

It works in the precision of the parameters, so the same code gives float64 goldens and float32 timings.
"""

from typing import NamedTuple, Optional

import jax
import jax.numpy as jnp
import numpy as np

FREQUENCIES = 32


class DitConfig(NamedTuple):
    shape: tuple[int, int, int]
    classes: int
    interval: bool
    patch: int
    width: int
    depth: int
    heads: int


def parameter_shapes(config: DitConfig) -> dict[str, tuple[int, ...]]:
    """Shape of every parameter, by name."""
    width = config.width
    patch_size = config.shape[0] * config.patch**2
    layers = {"time.0": (2 * FREQUENCIES, width), "time.1": (width, width)}
    if config.interval:
        layers |= {"interval.0": (2 * FREQUENCIES, width), "interval.1": (width, width)}
    layers["input"] = (patch_size, width)
    for i in range(config.depth):
        layers |= {
            f"block{i}.modulation": (width, 6 * width),
            f"block{i}.qkv": (width, 3 * width),
            f"block{i}.projection": (width, width),
            f"block{i}.inner": (width, 4 * width),
            f"block{i}.outer": (4 * width, width),
        }
    layers |= {"output.modulation": (width, 2 * width), "output": (width, patch_size)}
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (inputs, outputs) in layers.items():
        shapes |= {f"{name}.weight": (inputs, outputs), f"{name}.bias": (outputs,)}
    if config.classes > 0:
        shapes["class.weight"] = (config.classes, width)
    return shapes


def dit(
    config: DitConfig,
    params: dict[str, jax.Array],
    x: jax.Array,
    t: jax.Array,
    s: Optional[jax.Array] = None,
    label: Optional[jax.Array] = None,
) -> jax.Array:
    """F(x, t, s) for images x [batch, c, h, w], times t and s [batch] and labels [batch]."""
    batch, channels, height, width = x.shape
    p = config.patch
    rows, columns = height // p, width // p

    c = dense(params, "time.1", jax.nn.silu(dense(params, "time.0", time_features(t))))
    if config.interval:
        c += dense(params, "interval.1", jax.nn.silu(dense(params, "interval.0", time_features(t - s))))
    if config.classes > 0:
        c += params["class.weight"][label]
    c = jax.nn.silu(c)

    # tokens run over the rows of the grid, their features over (channel, row, column) of the patch
    grid = x.reshape(batch, channels, rows, p, columns, p)
    tokens = jnp.einsum("bciyjx->bijcyx", grid).reshape(batch, rows * columns, channels * p * p)
    h = dense(params, "input", tokens) + jnp.asarray(position_features(rows, columns, config.width), x.dtype)
    for i in range(config.depth):
        h = block(params, f"block{i}", config.heads, h, c)
    shift, scale = jnp.split(dense(params, "output.modulation", c)[:, None, :], 2, axis=-1)
    out = dense(params, "output", rms_norm(h) * (1 + scale) + shift)
    out = jnp.einsum("bijcyx->bciyjx", out.reshape(batch, rows, columns, channels, p, p))
    return out.reshape(x.shape)


def block(params: dict[str, jax.Array], name: str, heads: int, h: jax.Array, c: jax.Array) -> jax.Array:
    """Attention and a perceptron, each behind an RMS norm that c scales, shifts and gates."""
    modulation = dense(params, f"{name}.modulation", c)[:, None, :]
    shift1, scale1, gate1, shift2, scale2, gate2 = jnp.split(modulation, 6, axis=-1)

    batch, tokens, width = h.shape
    qkv = dense(params, f"{name}.qkv", rms_norm(h) * (1 + scale1) + shift1)
    query, key, value = jnp.moveaxis(qkv.reshape(batch, tokens, 3, heads, width // heads), 2, 0)
    scores = jnp.einsum("bqhd,bkhd->bhqk", query, key) / (width // heads) ** 0.5
    attended = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores, axis=-1), value)
    h = h + gate1 * dense(params, f"{name}.projection", attended.reshape(batch, tokens, width))

    hidden = jax.nn.silu(dense(params, f"{name}.inner", rms_norm(h) * (1 + scale2) + shift2))
    return h + gate2 * dense(params, f"{name}.outer", hidden)


def dense(params: dict[str, jax.Array], name: str, x: jax.Array) -> jax.Array:
    return x @ params[f"{name}.weight"] + params[f"{name}.bias"]


def rms_norm(x: jax.Array, epsilon: float = 1e-6) -> jax.Array:
    return x / jnp.sqrt(jnp.mean(x * x, axis=-1, keepdims=True) + epsilon)


def time_features(t: jax.Array) -> jax.Array:
    """Cosines, then sines of t, with angular frequencies in geometric progression from 1.5 to 25."""
    angles = t[:, None] * jnp.asarray(np.geomspace(1.5, 25, FREQUENCIES), t.dtype)
    return jnp.concatenate([jnp.cos(angles), jnp.sin(angles)], axis=-1)


def position_features(rows: int, columns: int, width: int) -> np.ndarray:
    """For each token, sin and cos of its row, then sin and cos of its column, at width / 4 frequencies 10000^(-4 k /
    width)."""
    frequencies = 10_000.0 ** (-np.arange(width // 4) / (width // 4))
    row, column = np.divmod(np.arange(rows * columns), columns)
    angles = [np.outer(place, frequencies) for place in (row, column)]
    return np.concatenate([f(a) for a in angles for f in (np.sin, np.cos)], axis=-1)
