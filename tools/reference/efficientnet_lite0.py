"""Golden features of EfficientNet-Lite0, from NumPy in float64.

The network is built here once more, from the weights as published and from those rounded to float16 as shipped:

    python tools/reference/efficientnet_lite0.py efficientnet-lite0-57934424.pth
"""

import json
import pickle
import sys
from collections import OrderedDict
from datetime import date
from pathlib import Path

import numpy as np

OUT = Path(__file__).parents[2] / "packages/eval/src/__fixtures__/efficientnet-lite0.json"
STAGES = [(1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)]


def read(path):
    """The state dictionary of a PyTorch file of the format before 1.6, without PyTorch."""

    class Storage:
        def __init__(self, kind, key, count):
            self.kind, self.key, self.count = kind, key, count

    def rebuild(storage, offset, shape, strides, *_):
        return storage, offset, shape, strides

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            if name == "OrderedDict":
                return OrderedDict
            return rebuild if name == "_rebuild_tensor_v2" else name

        def persistent_load(self, pid):
            return Storage(pid[1], pid[2], pid[4])

    with open(path, "rb") as file:
        for _ in range(3):
            pickle.load(file)
        state = Unpickler(file).load()
        storages = {}
        kinds = {storage.key: (storage.kind, storage.count) for storage, *_ in state.values()}
        for key in pickle.load(file):
            kind, count = kinds[key]
            file.read(8)
            storages[key] = np.fromfile(file, {"FloatStorage": "<f4", "LongStorage": "<i8"}[kind], count)
    def view(storage, offset, shape, strides):
        values = storages[storage.key][offset:]
        return np.lib.stride_tricks.as_strided(values, shape, [values.itemsize * stride for stride in strides])

    return {name: view(*args) for name, args in state.items()}


def same(x, kernel, stride):
    """TensorFlow's padding."""
    sides = []
    for extent in x.shape[2:]:
        missing = max(0, (-(-extent // stride) - 1) * stride + kernel - extent)
        sides.append((missing // 2, missing - missing // 2))
    return np.pad(x, [(0, 0), (0, 0), *sides])


def windows(x, kernel, stride):
    shifted = np.lib.stride_tricks.sliding_window_view(same(x, kernel, stride), (kernel, kernel), (2, 3))
    return shifted[:, :, ::stride, ::stride]


def conv(x, w, stride=1):
    return np.einsum("nchwuv,ocuv->nohw", windows(x, w.shape[-1], stride), w, optimize=True)


def depthwise(x, w, stride):
    return np.einsum("nchwuv,cuv->nchw", windows(x, w.shape[-1], stride), w[:, 0], optimize=True)


def features(state, images, rounded):
    """With rounding, weights with batch normalisation folded in are float16 numbers, like those that Flowmap ships."""
    state = {name: value.astype(np.float64) for name, value in state.items()}

    def layer(x, conv_name, norm, convolve, *args):
        gain, shift, mean, variance = (state[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var"))
        factor = gain / np.sqrt(variance + 1e-3)
        weight, bias = state[f"{conv_name}.weight"] * factor[:, None, None, None], shift - factor * mean
        if rounded:
            weight, bias = (value.astype(np.float32).astype(np.float16).astype(np.float64) for value in (weight, bias))
        return convolve(x, weight, *args) + bias[None, :, None, None]

    def relu6(x):
        return np.clip(x, 0, 6)

    x = relu6(layer(images, "_conv_stem", "_bn0", conv, 2))
    block = 0
    for expansion, _, first, _, repeats in STAGES:
        for stride in [first] + [1] * (repeats - 1):
            name = f"_blocks.{block}"
            y = x if expansion == 1 else relu6(layer(x, f"{name}._expand_conv", f"{name}._bn0", conv))
            y = relu6(layer(y, f"{name}._depthwise_conv", f"{name}._bn1", depthwise, stride))
            y = layer(y, f"{name}._project_conv", f"{name}._bn2", conv)
            x = x + y if x.shape == y.shape else y
            block += 1
    return relu6(layer(x, "_conv_head", "_bn1", conv)).mean((2, 3))


def pixels():
    """Two images of waves, which the test repeats."""
    y, x = np.mgrid[0:224, 0:224]
    waves = [np.floor(128 + 127 * np.sin(x / (5 + 3 * c + 20 * i) + y / (9 + 2 * c))) for i in range(2) for c in range(3)]
    return np.stack(waves).reshape(2, 3, 224, 224)


if __name__ == "__main__":
    state = read(sys.argv[1])
    images = (pixels() - 127) / 128
    results = {name: features(state, images, name == "rounded") for name in ("published", "rounded")}
    made = {"script": "tools/reference/efficientnet_lite0.py", "numpy": np.__version__, "date": str(date.today())}
    numbers = {name: [[float(f"{v:.6g}") for v in row] for row in rows] for name, rows in results.items()}
    OUT.write_text(json.dumps({"made": made, **numbers}) + "\n")
