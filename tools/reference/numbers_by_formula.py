"""Arguments that both sides compute from a formula, so that the golden files hold results only."""

import jax.numpy as jnp
import numpy as np


def sines(number: int, shape: tuple[int, ...], scale: float = 1.0) -> jnp.ndarray:
    """Value i, from 1 and row-major, is scale sin((0.7 + 0.1 number) i^2): the square keeps a matrix of full rank."""
    i = np.arange(1, np.prod(shape, dtype=int) + 1, dtype=np.float64)
    return jnp.asarray(scale * np.sin((0.7 + 0.1 * number) * (i * i)).reshape(shape))


def parameters(shapes: dict[str, tuple[int, ...]], first: int) -> dict[str, jnp.ndarray]:
    """Values for parameters in the order of their names, numbered from first: weights of variance 1 / inputs."""
    names = enumerate(sorted(shapes), first)
    return {name: sines(number, shapes[name], parameter_scale(shapes[name])) for number, name in names}


def parameter_scale(shape: tuple[int, ...]) -> float:
    return (2 / shape[0]) ** 0.5 if len(shape) > 1 else 0.3
