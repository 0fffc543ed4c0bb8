"""Statistics as EDM, ADM and pytorch-fid keep them, for the reader in packages/eval.

    python tools/reference/npz_files.py
"""

from pathlib import Path

import numpy as np

OUT = Path(__file__).parents[2] / "packages/eval/src/__fixtures__"


def statistics():
    """Mean and covariance of points of three dimensions, which the test repeats."""
    points = np.array([[1, 2, 4], [3, -1, 0], [0.5, 0, 2], [-2, 5, 1]])
    return points.mean(0), np.cov(points, rowvar=False)


if __name__ == "__main__":
    mu, sigma = statistics()
    np.savez(OUT / "stored.npz", mu=mu, sigma=sigma)
    # As ADM keeps them: in float32, with the spatial features' and the images'.
    images = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    single = {"mu": mu.astype("<f4"), "sigma": sigma.astype("<f4")}
    np.savez_compressed(OUT / "compressed.npz", **single, mu_s=mu[:2], sigma_s=sigma[:2, :2], arr_0=images)
    # Both orders of axes, and no axes.
    matrix = np.arange(6, dtype="<f8").reshape(2, 3) / 2
    orders = {"rows": matrix, "columns": np.asfortranarray(matrix), "scalar": np.array(-1.5, "<f4")}
    cube = np.asfortranarray(np.arange(24, dtype="<f4").reshape(2, 3, 4))
    np.savez_compressed(OUT / "orders.npz", **orders, cube=cube)
    np.savez(OUT / "objects.npz", mu=np.array([{"a": 1}, None], dtype=object), sigma=sigma)
