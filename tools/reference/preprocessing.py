"""Golden pixels of resized images, from Pillow, and from the formulas of PyTorch and TensorFlow 1 in NumPy.

    python tools/reference/preprocessing.py
"""

import json
from datetime import date
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

OUT = Path(__file__).parents[2] / "packages/eval/src/__fixtures__/resized.json"


def image(height, width, seed):
    """8-bit noise by Park and Miller's generator, which the test repeats."""
    out = np.empty(height * width, np.uint8)
    state = seed
    for i in range(out.size):
        state = state * 16807 % 2147483647
        out[i] = state >> 23
    return out.reshape(height, width)


def linear(x, size, corner):
    """Along the last axis; positions in float32."""
    n = x.shape[-1]
    scale = np.float32(n / size)
    i = np.arange(size, dtype=np.float32)
    at = i * scale if corner else np.maximum(0, (i + np.float32(0.5)) * scale - np.float32(0.5))
    low = np.minimum(n - 1, np.floor(at).astype(int))
    high = np.minimum(n - 1, low + 1)
    share = (at - low).astype(np.float64)
    return x[..., low] * (1 - share) + x[..., high] * share


def resized(pixels, size, convention):
    if convention == "pillow-bicubic":
        return np.asarray(Image.fromarray(pixels).resize((size, size), Image.BICUBIC), np.float64)
    values = pixels.astype(np.float32)
    if convention == "pillow-bicubic-float":
        return np.clip(np.asarray(Image.fromarray(values, mode="F").resize((size, size), Image.BICUBIC)), 0, 255)
    corner = convention == "tf1-bilinear"
    rows = linear(values.astype(np.float64), size, corner)
    return linear(rows.T, size, corner).T


def summary(values):
    """Some pixels, and two sums over all pixels."""
    flat = values.astype(np.float64).ravel()
    weights = np.arange(flat.size) % 251
    return {"pixels": [float(v) for v in flat[:: flat.size // 64]], "sum": float(flat.sum()), "weighted": float((flat * weights).sum())}


if __name__ == "__main__":
    cases = []
    for height, width in [(24, 24), (32, 32), (64, 64), (256, 256), (512, 512), (40, 300)]:
        for convention, size in [("pillow-bicubic", 224), ("pillow-bicubic-float", 299), ("bilinear", 299), ("tf1-bilinear", 299)]:
            result = resized(image(height, width, height + width), size, convention)
            cases.append({"height": height, "width": width, "size": size, "convention": convention, **summary(result)})
    made = {"script": "tools/reference/preprocessing.py", "pillow": PIL.__version__, "numpy": np.__version__, "date": str(date.today())}
    OUT.write_text(json.dumps({"made": made, "cases": cases}) + "\n")
