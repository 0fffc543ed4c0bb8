"""Golden values of the metrics of packages/eval by the field's own tools, on equal features.

    python tools/reference/eval_tools.py

Needs requirements-tools.txt. Features come from the generator of evaluation.py, which the test repeats.
"""

import json
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from cleanfid import fid as clean_fid
from evaluation import samples
from prdc import compute_prdc
from pytorch_fid.fid_score import calculate_frechet_distance
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

OUT = Path(__file__).parents[2] / "packages/eval/src/__fixtures__/tools.json"
TOOLS = ["pytorch-fid", "torch-fidelity", "clean-fid", "prdc", "numpy", "scipy", "torch"]


def frechet(x, y):
    """Distances from x to y and back."""
    both = {"pytorch-fid": [], "torch-fidelity": [], "clean-fid": []}
    for a, b in ((x, y), (y, x)):
        first, second = (fid_features_to_statistics(torch.from_numpy(z)) for z in (a, b))
        moments = first["mu"], first["sigma"], second["mu"], second["sigma"]
        both["pytorch-fid"].append(float(calculate_frechet_distance(*moments)))
        both["clean-fid"].append(float(clean_fid.frechet_distance(*moments)))
        both["torch-fidelity"].append(fid_statistics_to_metric(first, second, False)["frechet_inception_distance"])
    return both


def precision_recall(x, y, k):
    """The values of torch-fidelity, which takes the generated samples first."""
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    out = prc_features_to_metric(x, y, prc_neighborhood=k, prc_batch_size=64, save_cpu_ram=True, verbose=False)
    return {"precision": out["precision"], "recall": out["recall"]}


def mind(x, y, directions=200_000):
    """Mean over random directions, and how far a thousand directions deviate from it."""
    d = x.shape[1]
    u = np.random.default_rng(0).standard_normal((directions, d))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    values = []
    for part in np.array_split(u, 200):
        difference = np.sort(part @ x.T, axis=1) - np.sort(part @ y.T, axis=1)
        values.append(3 * d * np.mean(difference**2, axis=1))
    values = np.concatenate(values)
    return {"mean": float(values.mean()), "deviation": float(values.std() / np.sqrt(1000))}


def main():
    cases = []
    for n1, n2, d, rank1, rank2, kind in [
        (200, 300, 16, 16, 16, "regular"),
        (400, 150, 64, 64, 64, "regular"),
        (40, 300, 64, 64, 64, "singular"),
        (30, 25, 64, 64, 64, "singular"),
        (300, 200, 48, 10, 48, "singular"),
    ]:
        x, y = samples(1, n1, d, rank1, 0.0), samples(2, n2, d, rank2, 0.25)
        made = {"n1": n1, "n2": n2, "d": d, "rank1": rank1, "rank2": rank2, "kind": kind}
        cases.append({**made, "distances": frechet(x, y)})

    x, y = samples(3, 150, 12, 12, 0.0), samples(4, 180, 12, 12, 0.2)
    # Subsets of everything: their order does not matter.
    whole = {"kid_subsets": 2, "kid_subset_size": 150, "rng_seed": 2020, "verbose": False}
    kid = kid_features_to_metric(torch.from_numpy(x), torch.from_numpy(y[:150]), **whole)
    logits = 4 * samples(7, 60, 10, 10, 0.0)
    isc = isc_features_to_metric(torch.from_numpy(logits), splits=10, shuffle=False)
    tools = {
        "made": {
            "script": "tools/reference/eval_tools.py",
            "python": sys.version.split()[0],
            **{name: version(name) for name in TOOLS},
            "date": str(date.today()),
        },
        "frechet": cases,
        "kernelDistance": {
            "torch-fidelity": kid["kernel_inception_distance_mean"],
            "clean-fid": float(clean_fid.kernel_distance(x, y[:150], num_subsets=2, max_subset_size=150)),
        },
        "inceptionScore": {"mean": isc["inception_score_mean"], "std": isc["inception_score_std"]},
        "precisionRecall": {"forth": precision_recall(x, y, 3), "back": precision_recall(y, x, 3)},
        "prdc": {name: float(value) for name, value in compute_prdc(y, x, nearest_k=5).items()},
        "mind": {
            "line": mind(samples(5, 100, 1, 1, 0.0), samples(6, 100, 1, 1, 0.1), 200)["mean"],
            "random": mind(x, y[:150]),
        },
    }
    OUT.write_text(json.dumps(tools, indent=2) + "\n")


if __name__ == "__main__":
    main()
