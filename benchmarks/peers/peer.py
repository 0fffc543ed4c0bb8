"""A peer of the benchmark, driven by JSON lines over stdin and stdout: see README.md."""

import argparse
import json
import os
import resource
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

sys.dont_write_bytecode = True
sys.path.append(str(Path(__file__).resolve().parents[2] / "tools/reference"))

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("framework", choices=["torch", "torch-compile", "jax"])
parser.add_argument("folder", type=Path, help="holds task.json and task.safetensors")
parser.add_argument("--threads", type=int, required=True)
parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="where PyTorch computes")
parser.add_argument("--precision", choices=["fp32", "tf32", "bf16"], default="fp32", help="of PyTorch's products")
parser.add_argument("--one-time", action="store_true", help="PyTorch's sampler passes the batch one time, not one per sample")
options = parser.parse_args()

# What a library prints must not get among the answers.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
# Read by XLA and OpenMP when they are loaded; the affinity binds whatever does not heed them.
os.environ |= {"NPROC": str(options.threads), "OMP_NUM_THREADS": str(options.threads)}
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])

import numpy as np

from task import fresh_batch, read_task


def main() -> None:
    task = read_task(options.folder)
    if options.framework == "jax":
        from jax_peer import JaxPeer

        peer = JaxPeer(task)
    else:
        from torch_peer import TorchPeer

        compiled = options.framework == "torch-compile"
        peer = TorchPeer(task, options.threads, compiled, options.device, options.precision, options.one_time)
    random = np.random.default_rng(0)

    def check() -> dict[str, Any]:
        samples = peer.sample(task.batch).ravel()[:64].tolist()
        steps = [peer.train(task.batch) for _ in range(2)]
        metrics = {f"{name} of step {i + 1}": [value] for i, step in enumerate(steps) for name, value in step.items()}
        return {"values": {"samples": samples} | metrics | {name: [value] for name, value in peer.distances().items()}}

    def timed(run: Any, steps: int) -> dict[str, Any]:
        ms = []
        for _ in range(steps):
            start = perf_counter()
            run(fresh_batch(task.batch, random))
            ms.append(1000 * (perf_counter() - start))
        device = peer.peak_device_memory() if options.device == "cuda" else None
        return {"ms": ms, "peakDeviceMemory": device, "peakMemory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}

    parameters = sum(value.size for value in task.params.values())
    answer({"runtime": peer.runtime, "parameters": parameters})
    for line in sys.stdin:
        request = json.loads(line)
        run = request["run"]
        answer(check() if run == "check" else timed({"train": peer.train, "sample": peer.sample}[run], request["steps"]))


def answer(value: dict[str, Any]) -> None:
    print(json.dumps(value), file=answers, flush=True)


try:
    main()
except Exception as error:
    answer({"error": f"{type(error).__name__}: {error}"})
    raise
