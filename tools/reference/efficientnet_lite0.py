"""Golden features of EfficientNet-Lite0, from NumPy in float64.

The network is built here once more, from the weights as they are published, with batch normalisation where it is in training:

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
    return {name: storages[s.key][o : o + int(np.prod(shape))].reshape(shape) for name, (s, o, shape, _) in state.items()}


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


def features(state, images):
    state = {name: value.astype(np.float64) for name, value in state.items()}

    def norm(x, name):
        gain, shift, mean, variance = (state[f"{name}.{part}"].reshape(1, -1, 1, 1) for part in ("weight", "bias", "running_mean", "running_var"))
        return gain * (x - mean) / np.sqrt(variance + 1e-3) + shift

    def relu6(x):
        return np.clip(x, 0, 6)

    x = relu6(norm(conv(images, state["_conv_stem.weight"], 2), "_bn0"))
    block = 0
    for expansion, _, first, _, repeats in STAGES:
        for stride in [first] + [1] * (repeats - 1):
            name = f"_blocks.{block}"
            y = x if expansion == 1 else relu6(norm(conv(x, state[f"{name}._expand_conv.weight"]), f"{name}._bn0"))
            y = relu6(norm(depthwise(y, state[f"{name}._depthwise_conv.weight"], stride), f"{name}._bn1"))
            y = norm(conv(y, state[f"{name}._project_conv.weight"]), f"{name}._bn2")
            x = x + y if x.shape == y.shape else y
            block += 1
    return relu6(norm(conv(x, state["_conv_head.weight"]), "_bn1")).mean((2, 3))


def pixels():
    """Two images of waves, which the test repeats."""
    y, x = np.mgrid[0:224, 0:224]
    waves = [np.floor(128 + 127 * np.sin(x / (5 + 3 * c + 20 * i) + y / (9 + 2 * c))) for i in range(2) for c in range(3)]
    return np.stack(waves).reshape(2, 3, 224, 224)


if __name__ == "__main__":
    result = features(read(sys.argv[1]), (pixels() - 127) / 128)
    made = {"script": "tools/reference/efficientnet_lite0.py", "numpy": np.__version__, "date": str(date.today())}
    OUT.write_text(json.dumps({"made": made, "features": [[float(f"{v:.6g}") for v in row] for row in result]}) + "\n")
