"""The Eulerian distillation loss of "Align Your Flow" (Sabour, Fidler, Kreis 2025), Algorithm 1."""

from typing import Callable

import jax
import jax.numpy as jnp


def ayf_emd(
    average_velocity: Callable[[jax.Array, jax.Array, jax.Array], jax.Array],
    xt: jax.Array,
    t: jax.Array,
    s: jax.Array,
    velocity: jax.Array,
    r: jax.Array | float,
    c: float = 0.1,
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Loss and metrics of a flow map's average velocity F(x, t, s), given the teacher's velocity at (xt, t).

    The loss is the mean over the batch of || F - stop(F - g / (||g|| + c)) ||^2 with the tangent
    g = F - v + r (t - s) dF/dt, and dF/dt the derivative of F along (v, 1) at fixed s.
    """
    F, dF = jax.jvp(lambda x, time: average_velocity(x, time, s), (xt, t), (velocity, jnp.ones_like(t)))
    weight = (r * (t - s)).reshape(-1, *[1] * (xt.ndim - 1))
    error = jax.lax.stop_gradient(F) - velocity
    g = error + weight * jax.lax.stop_gradient(dF)
    target = jax.lax.stop_gradient(F) - g / (sample_norm(g) + c)
    loss = jnp.sum((F - target) ** 2) / xt.shape[0]
    return loss, {"tangentNorm": jnp.mean(sample_norm(g)), "velocityError": jnp.mean(sample_norm(error))}


def sample_norm(x: jax.Array) -> jax.Array:
    """L2 norm over all values of a sample, kept with extent 1."""
    return jnp.sqrt(jnp.sum(x * x, axis=tuple(range(1, x.ndim)), keepdims=True))
