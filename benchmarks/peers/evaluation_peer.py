"""Evaluation by PyTorch, torch-fidelity, SciPy and Pillow, driven like peer.py; times are processor times of one thread.

The options are the number of samples for precision and recall and a folder of images.
"""

import json
import os
import resource
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from time import process_time
from typing import Any, Callable

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import numpy as np
import torch

torch.set_num_threads(1)
SAMPLES, FOLDER = int(sys.argv[1]), Path(sys.argv[2])
WIDTH = 2048


def inception() -> Callable[[], Any]:
    """torch-fidelity's network with random weights, on 8 images of its own size."""
    import torchvision
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    like = torchvision.models.inception_v3(num_classes=1008, aux_logits=False, weights=None, init_weights=False).state_dict()
    state = {name: torch.rand(value.shape) * 0.02 + (0.99 if name.endswith("var") else 0) for name, value in like.items()}
    with tempfile.NamedTemporaryFile() as file:
        torch.save(state, file.name)
        network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], file.name)
    images = torch.randint(0, 256, (8, 3, 299, 299), dtype=torch.uint8)

    def run() -> Any:
        with torch.no_grad():
            return network(images)

    return run


def frechet() -> Callable[[], Any]:
    """The distance as pytorch-fid computes it, by SciPy's matrix root."""
    from scipy import linalg

    random = np.random.default_rng(0)
    scale = 1 / (1 + np.arange(WIDTH) / 64)
    one, two = (np.cov(random.standard_normal((WIDTH + 512, WIDTH)) * scale, rowvar=False) for _ in range(2))
    return lambda: np.trace(linalg.sqrtm(one @ two).real)


def precision_recall() -> Callable[[], Any]:
    from torch_fidelity.metric_prc import calculate_precision_recall_full

    torch.manual_seed(0)
    one, two = torch.randn(SAMPLES, WIDTH), torch.randn(SAMPLES, WIDTH)
    return lambda: calculate_precision_recall_full(one, two)


def decode(kind: str) -> Callable[[], Any]:
    """Pillow's decoding and bicubic resizing of a folder to 224 x 224, as arrays."""
    from PIL import Image

    files = sorted((FOLDER / kind).iterdir())
    return lambda: [np.asarray(Image.open(file).convert("RGB").resize((224, 224), Image.BICUBIC)) for file in files]


WORK = {
    "inception": inception,
    "frechet": frechet,
    "precision-recall": precision_recall,
    "decode-png": lambda: decode("png"),
    "decode-jpg": lambda: decode("jpg"),
}


def timed(run: Callable[[], Any], steps: int) -> dict[str, Any]:
    ms = []
    for _ in range(steps):
        start = process_time()
        run()
        ms.append(1000 * (process_time() - start))
    return {"ms": ms, "peakMemory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def answer(value: dict[str, Any]) -> None:
    print(json.dumps(value), file=answers, flush=True)


names = ("torch", "torch-fidelity", "scipy", "pillow")
made: dict[str, Callable[[], Any]] = {}
try:
    answer({"runtime": ", ".join(f"{name} {version(name)}" for name in names), "parameters": 0})
    for line in sys.stdin:
        request = json.loads(line)
        if request["run"] not in made:
            made[request["run"]] = WORK[request["run"]]()
        answer(timed(made[request["run"]], request["steps"]))
except Exception as error:
    answer({"error": f"{type(error).__name__}: {error}"})
    raise
