"""What the peers share: their threads, and answers to requests as JSON lines over stdin and stdout. Loads nothing that computes."""

import json
import os
import resource
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from time import perf_counter
from typing import Any, Callable, NamedTuple, Optional

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools/reference"))
answers = os.fdopen(os.dup(1), "w")


class Service(NamedTuple):
    """What a peer reports about itself, and what it does: `step` takes a step by name, on a batch of its own."""

    runtime: str
    parameters: int
    check: Callable[[], dict[str, list[float]]]
    step: Callable[[str], Any]
    device_memory: Callable[[], Optional[int]] = lambda: None


def parsed(parser: ArgumentParser) -> Namespace:
    """The options, among them `threads`, to which the process is bound; called before any library that computes is loaded."""
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    # What a library prints must not get in among the answers.
    os.dup2(2, 1)
    # XLA and OpenMP read these when they are loaded; the affinity binds libraries that ignore them.
    os.environ |= {"NPROC": str(options.threads), "OMP_NUM_THREADS": str(options.threads)}
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    return options


def serve(start: Callable[[], Service]) -> None:
    """Starts a peer and answers requests until there are no more; an error is an answer too."""
    try:
        service = start()
        answer({"runtime": service.runtime, "parameters": service.parameters})
        for line in sys.stdin:
            request = json.loads(line)
            check = request["run"] == "check"
            answer({"values": service.check()} if check else timed(service, request["run"], request["steps"]))
    except Exception as error:
        answer({"error": f"{type(error).__name__}: {error}"})
        raise


def answer(value: dict[str, Any]) -> None:
    print(json.dumps(value), file=answers, flush=True)


def timed(service: Service, run: str, steps: int) -> dict[str, Any]:
    ms = []
    for _ in range(steps):
        start = perf_counter()
        service.step(run)
        ms.append(1000 * (perf_counter() - start))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"ms": ms, "peakDeviceMemory": service.device_memory(), "peakMemory": memory}
