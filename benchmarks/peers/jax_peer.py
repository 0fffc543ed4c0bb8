"""The AYF-EMD step and the flow map's sampler in JAX, each one jitted function."""

from functools import partial
from typing import NamedTuple, Optional

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import jax_models
from ayf_emd import ayf_emd
from task import Batch, Task

jax.config.update("jax_platforms", "cpu")


class State(NamedTuple):
    params: jax_models.Params
    ema: jax_models.Params
    m: jax_models.Params
    v: jax_models.Params
    step: Array


class JaxPeer:
    def __init__(self, task: Task) -> None:
        self.runtime = f"JAX {jax.__version__}, jit"
        self.task = task
        self.network = jax_models.network(task.config)
        parameters = lambda: {name: jnp.array(value) for name, value in task.params.items()}
        zeros = lambda: {name: jnp.zeros(value.shape) for name, value in task.params.items()}
        self.state = State(parameters(), parameters(), zeros(), zeros(), jnp.float32(0))
        self.step = jax.jit(self.training_step, donate_argnums=0)
        self.sampler = jax.jit(self.sampled)

    def train(self, batch: Batch) -> dict[str, float]:
        """One training step; returns its loss and metrics."""
        self.state, metrics = self.step(self.state, batch)
        jax.block_until_ready(self.state)
        return {name: float(value) for name, value in metrics.items()}

    def training_step(self, state: State, batch: Batch) -> tuple[State, dict[str, Array]]:
        settings = self.task.settings
        beta1, beta2 = settings["beta1"], settings["beta2"]
        (loss, metrics), gradient = jax.value_and_grad(self.objective, has_aux=True)(state.params, batch)
        norm = jnp.sqrt(sum(jnp.sum(g * g) for g in gradient.values()))
        step = state.step + 1
        m = {name: beta1 * state.m[name] + (1 - beta1) * g for name, g in gradient.items()}
        v = {name: beta2 * state.v[name] + (1 - beta2) * g * g for name, g in gradient.items()}
        rate, correction = settings["learningRate"] / (1 - beta1**step), 1 / (1 - beta2**step)
        params = {
            name: p - rate * m[name] / (jnp.sqrt(correction * v[name]) + settings["epsilon"])
            for name, p in state.params.items()
        }
        decay = settings["emaDecay"]
        ema = {name: p + decay * (state.ema[name] - p) for name, p in params.items()}
        return State(params, ema, m, v, step), metrics | {"loss": loss, "gradientNorm": norm}

    def objective(self, params: jax_models.Params, batch: Batch) -> tuple[Array, dict[str, Array]]:
        x0, noise, t, s, label = batch
        xt = x0 + t.reshape(-1, *[1] * (x0.ndim - 1)) * (noise - x0)
        F = lambda x, time, end: self.network(params, x, time, end, label)
        return ayf_emd(F, xt, t, s, noise - x0, self.task.settings["r"], self.task.settings["c"])

    def sample(self, batch: Batch) -> np.ndarray:
        """Points that the flow map reaches from the batch's noise."""
        return np.asarray(self.sampler(self.state.params, batch.noise, batch.label))

    def sampled(self, params: jax_models.Params, x: Array, label: Optional[Array]) -> Array:
        for start, end in zip(self.task.times, self.task.times[1:]):
            t, s = jnp.full(len(x), start), jnp.full(len(x), end)
            x = x + (end - start) * self.network(params, x, t, s, label)
        return x

    def distances(self) -> dict[str, float]:
        """How far the parameters and their moving average have moved."""
        measure = partial(distance, self.task.params)
        return {"moved": measure(self.state.params), "emaMoved": measure(self.state.ema)}


def distance(initial: dict[str, np.ndarray], params: jax_models.Params) -> float:
    squares = (np.sum(np.square(np.asarray(params[name], np.float64) - value)) for name, value in initial.items())
    return float(sum(squares)) ** 0.5
