"""Weights by a formula that the tests of packages/eval repeat, so that the golden files hold results only."""

import numpy as np
import torch


def hashed(number: int, count: int) -> np.ndarray:
    """Numbers -1 ... 1 in float64; number i is a hash of i and of the tensor's number, in 32 bits."""
    x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(number * 0x85EBCA6B & 0xFFFFFFFF)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return x / 2.0**31 - 1


def hashed_weights(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Float32 tensors, numbered in the order of their names: factors around 1, biases around 0, matrices that keep variances."""
    return {name: torch.from_numpy(values(i, name, shapes[name])) for i, name in enumerate(sorted(shapes))}


def values(number: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
    u = hashed(number, int(np.prod(shape)))
    if len(shape) > 1:
        result = u * (0.5 if shape[0] == 1 else (6 / np.prod(shape[1:])) ** 0.5)
    else:
        result = 1 + 0.5 * u if name.endswith((".weight", "_var", ".lambda1", ".gamma")) else 0.2 * u
    return result.astype(np.float32).reshape(shape)


def waves(count: int, size: int) -> np.ndarray:
    """8-bit images [count, 3, size, size]."""
    y, x = np.mgrid[0:size, 0:size]
    planes = [np.floor(128 + 127 * np.sin(x / (5 + 3 * c + 20 * i) + y / (9 + 2 * c))) for i in range(count) for c in range(3)]
    return np.stack(planes).reshape(count, 3, size, size)
