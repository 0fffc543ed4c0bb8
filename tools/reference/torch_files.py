"""Small files as PyTorch writes them, for the reader in packages/eval, made without PyTorch: only the names in them are
PyTorch's.

    python tools/reference/torch_files.py
"""

import io
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np

OUT = Path(__file__).parents[2] / "packages/eval/src/__fixtures__"
KINDS = {"<f4": "FloatStorage", "<f8": "DoubleStorage", "<f2": "HalfStorage", "<i8": "LongStorage", "|b1": "BoolStorage", "|u1": "ByteStorage"}


def module(name, **members):
    made = types.ModuleType(name)
    for key, value in members.items():
        value.__module__, value.__qualname__ = name, key
        setattr(made, key, value)
    sys.modules[name] = made


def _rebuild_tensor_v2(*_):
    pass


module("torch", **{kind: type(kind, (), {}) for kind in KINDS.values()})
module("torch._utils", _rebuild_tensor_v2=_rebuild_tensor_v2)
torch = sys.modules["torch"]


class Storage:
    def __init__(self, key, values):
        self.key, self.values = key, values


class Tensor:
    def __init__(self, storage, offset, shape, strides):
        self.args = (storage, offset, shape, strides, False, OrderedDict())

    def __reduce__(self):
        return _rebuild_tensor_v2, self.args


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            kind = getattr(torch, KINDS[value.values.dtype.str])
            return "storage", kind, value.key, "cpu", value.values.size
        return None


def dumps(value):
    out = io.BytesIO()
    Pickler(out, 2).dump(value)
    return out.getvalue()


def content():
    arrays = [np.arange(6, dtype="<f4") / 2, np.array([1, -2.5], "<f8"), np.array([0.1, 65504], "<f2"), np.array([7, -3], "<i8"), np.array([True, False]), np.array([200], "<u1")]
    storages = [Storage(str(i), array) for i, array in enumerate(arrays)]
    matrix, double, half, long, boolean, byte = storages
    state = OrderedDict(
        [
            ("matrix", Tensor(matrix, 0, (2, 3), (3, 1))),
            ("transposed", Tensor(matrix, 0, (3, 2), (1, 3))),
            ("row", Tensor(matrix, 3, (3,), (1,))),
            ("scalar", Tensor(double, 1, (), ())),
            ("half", Tensor(half, 0, (2,), (1,))),
            ("long", Tensor(long, 0, (2,), (1,))),
            ("boolean", Tensor(boolean, 0, (2,), (1,))),
            ("byte", Tensor(byte, 0, (1,), (1,))),
        ]
    )
    state._metadata = OrderedDict([("", {"version": 1})])
    return {"epoch": 3, "best": 0.5, "names": ["a", "b"], "state_dict": state}, storages


def archive(value, storages):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in [("data.pkl", dumps(value)), ("byteorder", b"little"), ("version", b"3\n")]:
            file.writestr(zipfile.ZipInfo(f"archive/{name}"), data)
        for storage in storages:
            file.writestr(zipfile.ZipInfo(f"archive/data/{storage.key}"), storage.values.tobytes())
    return out.getvalue()


def legacy(value, storages):
    head = [0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}]
    keys = [storage.key for storage in storages]
    data = b"".join(struct.pack("<q", storage.values.size) + storage.values.tobytes() for storage in storages)
    return b"".join([*(pickle.dumps(part, 2) for part in head), dumps(value), pickle.dumps(keys, 2), data])


class Executes:
    def __reduce__(self):
        return print, ("executed",)


if __name__ == "__main__":
    value, storages = content()
    (OUT / "archive.pt").write_bytes(archive(value, storages))
    (OUT / "legacy.pth").write_bytes(legacy(value, storages))
    (OUT / "executes.pth").write_bytes(legacy({"weight": Executes()}, []))
