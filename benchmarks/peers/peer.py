"""A peer of the benchmark, driven by JSON lines over stdin and stdout: see README.md."""

import argparse
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from serving import Service, parsed, serve

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("framework", choices=["torch", "torch-compile", "jax"])
parser.add_argument("folder", type=Path, help="holds task.json and task.safetensors")
parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="where PyTorch computes")
parser.add_argument("--precision", choices=["fp32", "tf32", "bf16"], default="fp32", help="of PyTorch's products")
parser.add_argument("--one-time", action="store_true", help="PyTorch's sampler passes the batch one time, not one per sample")
options = parsed(parser)

import numpy as np

from task import fresh_batch, read_task


def start() -> Service:
    task = read_task(options.folder)
    if options.framework == "jax":
        from jax_peer import JaxPeer

        peer = JaxPeer(task)
    else:
        from torch_peer import TorchPeer

        compiled = options.framework == "torch-compile"
        peer = TorchPeer(task, options.threads, compiled, options.device, options.precision, options.one_time)
    random = np.random.default_rng(0)

    def check() -> dict[str, list[float]]:
        samples = peer.sample(task.batch).ravel()[:64].tolist()
        steps = [peer.train(task.batch) for _ in range(2)]
        metrics = {f"{name} of step {i + 1}": [value] for i, step in enumerate(steps) for name, value in step.items()}
        return {"samples": samples} | metrics | {name: [value] for name, value in peer.distances().items()}

    step = lambda run: {"train": peer.train, "sample": peer.sample}[run](fresh_batch(task.batch, random))
    memory = {"device_memory": peer.peak_device_memory} if options.device == "cuda" else {}
    return Service(peer.runtime, sum(value.size for value in task.params.values()), check, step, **memory)


serve(start)
