"""What all peers compute: read from the folder that the benchmark writes, and fresh batches for the timed steps."""

import json
from pathlib import Path
from typing import Any, NamedTuple, Optional

import numpy as np


class Batch(NamedTuple):
    """Inputs of a training step."""

    x0: np.ndarray
    noise: np.ndarray
    t: np.ndarray
    s: np.ndarray
    label: Optional[np.ndarray]


class Task(NamedTuple):
    """A network with its parameters, the settings of its training step, and the batch on which results are compared."""

    config: dict[str, Any]
    params: dict[str, np.ndarray]
    batch: Batch
    # times of the sampler, from 1 to 0
    times: list[float]
    # r and c of the objective; learningRate, beta1, beta2, epsilon of AdamW; emaDecay
    settings: dict[str, float]


def load_file(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file, read without its package, which a machine that only has PyTorch may lack."""
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    dtypes = {"F32": np.float32, "I32": np.int32}

    def tensor(spec: dict[str, Any]) -> np.ndarray:
        first, last = (start + offset for offset in spec["data_offsets"])
        return np.frombuffer(content[first:last], dtypes[spec["dtype"]]).reshape(spec["shape"]).copy()

    header = json.loads(content[8:start])
    return {name: tensor(spec) for name, spec in header.items() if name != "__metadata__"}


def read_task(folder: Path) -> Task:
    described = json.loads((folder / "task.json").read_text())
    tensors = load_file(folder / "task.safetensors")
    params = {name.removeprefix("params."): value for name, value in tensors.items() if name.startswith("params.")}
    batch = Batch(*(tensors.get(name) for name in Batch._fields))
    return Task(described["config"], params, batch, [float(time) for time in described["times"]], described["settings"])


def fresh_batch(batch: Batch, random: np.random.Generator) -> Batch:
    """The same data with new noise and new intervals [s, t], as a training loop draws them."""
    count = len(batch.t)
    length = 1 / (1 + np.exp(0.8 - random.standard_normal(count, np.float32)))
    s = random.random(count, np.float32) * (1 - length)
    noise = random.standard_normal(batch.noise.shape, np.float32)
    return batch._replace(noise=noise, t=s + length, s=s)
