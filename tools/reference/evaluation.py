"""Golden values of the metrics of packages/eval, from NumPy and SciPy in float64.

Samples come from a generator of whole numbers that the test repeats, so that only results are stored:

    python tools/reference/evaluation.py
"""

import json
from datetime import date
from pathlib import Path

import numpy as np
import scipy
from scipy import linalg, spatial, stats

OUT = Path(__file__).parents[2] / "packages/eval/src/__fixtures__/goldens.json"


def uniforms(seed, count):
    """Park and Miller's generator, in (-1/2, 1/2)."""
    out = np.empty(count)
    state = seed
    for i in range(count):
        state = state * 16807 % 2147483647
        out[i] = state / 2147483647 - 0.5
    return out


def samples(seed, n, d, rank, shift):
    """`n` points about `shift` in a subspace of dimension `rank`."""
    values = uniforms(seed, n * rank + rank * d)
    z, mix = values[: n * rank].reshape(n, rank), values[n * rank :].reshape(rank, d)
    return z @ mix + shift


def frechet_sqrtm(x, y):
    """As pytorch-fid computes it."""
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = np.trace(linalg.sqrtm(s1 @ s2).real)
    return float(np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(s1) + np.trace(s2) - 2 * root)


def frechet_svd(x, y):
    """From the singular values of the product of the centred samples, which is exact for singular covariances too."""
    a = (x - x.mean(0)) / np.sqrt(len(x) - 1)
    b = (y - y.mean(0)) / np.sqrt(len(y) - 1)
    root = linalg.svdvals(a @ b.T).sum()
    return float(np.sum((x.mean(0) - y.mean(0)) ** 2) + np.sum(a**2) + np.sum(b**2) - 2 * root)


def kernel_distance(x, y):
    d, n, m = x.shape[1], len(x), len(y)
    kxx, kyy, kxy = ((p @ q.T / d + 1) ** 3 for p, q in ((x, x), (y, y), (x, y)))
    within = (kxx.sum() - np.trace(kxx)) / (n * (n - 1)) + (kyy.sum() - np.trace(kyy)) / (m * (m - 1))
    return float(within - 2 * kxy.mean())


def manifolds(x, y, k):
    """Precision, recall, density and coverage of generated `x` and reference `y`."""
    xx, yy, xy = (spatial.distance.cdist(p, q) for p, q in ((x, x), (y, y), (x, y)))
    rx, ry = np.sort(xx, axis=1)[:, k], np.sort(yy, axis=1)[:, k]
    inside = xy < ry[None, :]
    return {
        "precision": float((xy <= ry[None, :]).any(axis=1).mean()),
        "recall": float((xy <= rx[:, None]).any(axis=0).mean()),
        "density": float(inside.sum() / (k * len(x))),
        "coverage": float(inside.any(axis=0).mean()),
    }


def inception_score(p):
    return float(np.exp(stats.entropy(p, p.mean(0)[None], axis=1).mean()))


def main():
    frechet = []
    for n1, n2, d, rank1, rank2, kind in [
        (200, 300, 16, 16, 16, "regular"),
        (400, 150, 64, 64, 64, "regular"),
        (500, 600, 130, 130, 130, "regular"),
        (40, 300, 64, 64, 64, "singular"),
        (30, 25, 64, 64, 64, "singular"),
        (300, 200, 48, 10, 48, "singular"),
        (300, 200, 48, 10, 7, "singular"),
    ]:
        x, y = samples(1, n1, d, rank1, 0.0), samples(2, n2, d, rank2, 0.25)
        case = {"n1": n1, "n2": n2, "d": d, "rank1": rank1, "rank2": rank2, "kind": kind, "svd": frechet_svd(x, y)}
        if kind == "regular":
            case["sqrtm"] = frechet_sqrtm(x, y)
        frechet.append(case)

    x, y = samples(3, 150, 12, 12, 0.0), samples(4, 180, 12, 12, 0.2)
    line_x, line_y = samples(5, 100, 1, 1, 0.0)[:, 0], samples(6, 100, 1, 1, 0.1)[:, 0]
    weights = np.exp(4 * samples(7, 60, 10, 10, 0.0))
    goldens = {
        "made": {
            "script": "tools/reference/evaluation.py",
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "date": str(date.today()),
        },
        "frechet": frechet,
        "kernelDistance": kernel_distance(x, y[:150]),
        "manifolds": {str(k): manifolds(x, y, k) for k in (3, 5)},
        # SciPy's is the root of it.
        "energyDistance": float(stats.energy_distance(line_x, line_y) ** 2),
        "wasserstein2": float(np.sqrt(np.mean((np.sort(line_x) - np.sort(line_y)) ** 2))),
        "inceptionScore": inception_score(weights / weights.sum(1, keepdims=True)),
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(goldens, indent=2) + "\n")


if __name__ == "__main__":
    main()
