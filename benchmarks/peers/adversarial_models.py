"""The residual discriminator of packages/adversarial in PyTorch, as a function of a dict of parameters.

Weights of dense layers are [inputs, outputs], as in Flowmap; images are NCHW.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as nn
from torch import Tensor

from torch_models import Params

GAIN = 2**0.5


class Judgement(NamedTuple):
    logits: Tensor
    features: Tensor


def judge(levels: int, p: Params, x: Tensor, label: Tensor) -> Judgement:
    h = act(convolution(p, "colour", x))
    for i in range(levels - 1):
        y = nn.avg_pool2d(act(convolution(p, f"block{i}.first", h)), 2)
        y = act(convolution(p, f"block{i}.second", y))
        h = (y + convolution(p, f"block{i}.skip", nn.avg_pool2d(h, 2), gain=1)) / 2**0.5
    h = act(convolution(p, "last", with_deviation(h)))
    features = act(dense(p, "dense", h.flatten(1), GAIN))
    logits = dense(p, "output", features, 1)[:, 0]
    projected = (features * p["output.classes"][label]).sum(1) / features.shape[1] ** 0.5
    return Judgement(logits + projected, features)


def act(x: Tensor) -> Tensor:
    return nn.leaky_relu(x, 0.2)


def dense(p: Params, name: str, x: Tensor, gain: float) -> Tensor:
    return torch.addmm(p[f"{name}.bias"], x, p[f"{name}.weight"] * (gain / x.shape[1] ** 0.5))


def convolution(p: Params, name: str, x: Tensor, gain: float = GAIN) -> Tensor:
    weight = p[f"{name}.weight"]
    scale = gain / weight[0].numel() ** 0.5
    return nn.conv2d(x, weight * scale, p.get(f"{name}.bias"), padding=weight.shape[-1] // 2)


def with_deviation(x: Tensor) -> Tensor:
    """A channel with the standard deviation over groups of at most 4 samples."""
    batch, _, height, width = x.shape
    group = next(size for size in (4, 3, 2, 1) if batch % size == 0)
    values = x.reshape(group, batch // group, -1)
    deviation = (values.var(dim=0, unbiased=False) + 1e-8).sqrt().mean(dim=1)
    return torch.cat([x, deviation.repeat(group)[:, None, None, None].expand(-1, 1, height, width)], dim=1)
