"""The networks of packages/flowmap-core/src/networks in PyTorch, as functions of a dict of parameters.

Weights of dense layers are [outputs, inputs], as PyTorch keeps them; images are NCHW.
"""

from typing import Any, Callable, Optional

import numpy as np
import torch
import torch.nn.functional as nn
from torch import Tensor

Params = dict[str, Tensor]
Network = Callable[[Params, Tensor, Tensor, Tensor, Optional[Tensor]], Tensor]

FREQUENCIES = torch.tensor(np.geomspace(1.5, 25, 32), dtype=torch.float32)


def load(name: str, value: np.ndarray) -> Tensor:
    """A parameter in PyTorch's layout."""
    is_dense = value.ndim == 2 and name != "class.weight"
    return torch.from_numpy(value.T.copy() if is_dense else value.copy())


def network(config: dict[str, Any], fused: bool, device: str = "cpu") -> Network:
    """F(params, x, t, s, label) of a network's configuration.

    fused: attention as one kernel, which has no forward derivative.
    """
    config = config | {"fused": fused}
    apply = {"mlp": mlp, "dit": dit, "unet": unet}[config["type"]]
    constants = position_features(config).to(device) if config["type"] == "dit" else None
    return lambda params, x, t, s, label: apply(config, params, x, conditioning(params, t, s, label), constants)


def mlp(config: dict[str, Any], p: Params, x: Tensor, c: Tensor, _: None) -> Tensor:
    h = dense(p, "input", x)
    for i in range(config["depth"]):
        inner = dense(p, f"block{i}.inner", rms_norm(h)) + dense(p, f"block{i}.condition", c)
        h = h + dense(p, f"block{i}.outer", nn.silu(inner))
    return dense(p, "output", rms_norm(h))


def dit(config: dict[str, Any], p: Params, x: Tensor, c: Tensor, positions: Tensor) -> Tensor:
    batch, channels, height, width = x.shape
    size = config["patch"]
    rows, columns = height // size, width // size
    tokens = x.reshape(batch, channels, rows, size, columns, size).permute(0, 2, 4, 1, 3, 5)
    h = dense(p, "input", tokens.reshape(batch, rows * columns, -1)) + positions
    for i in range(config["depth"]):
        modulation = dense(p, f"block{i}.modulation", c).unsqueeze(1)
        shift1, scale1, gate1, shift2, scale2, gate2 = modulation.chunk(6, dim=-1)
        qkv = dense(p, f"block{i}.qkv", rms_norm(h) * (1 + scale1) + shift1)
        h = h + dense(p, f"block{i}.projection", self_attention(qkv, config["heads"], config["fused"])) * gate1
        hidden = nn.silu(dense(p, f"block{i}.inner", rms_norm(h) * (1 + scale2) + shift2))
        h = h + dense(p, f"block{i}.outer", hidden) * gate2
    shift, scale = dense(p, "output.modulation", c).unsqueeze(1).chunk(2, dim=-1)
    out = dense(p, "output", rms_norm(h) * (1 + scale) + shift)
    out = out.reshape(batch, rows, columns, channels, size, size).permute(0, 3, 1, 4, 2, 5)
    return out.reshape(x.shape)


def unet(config: dict[str, Any], p: Params, x: Tensor, c: Tensor, _: None) -> Tensor:
    levels, size = range(len(config["channels"])), config["groupSize"]

    def stage(name: str, h: Tensor) -> Tensor:
        for i in range(config["blocks"]):
            h = residual_block(p, f"{name}.{i}", h, c, size)
        return h

    skips = []
    h = convolution(p, "input", x)
    for level in levels:
        h = stage(f"down{level}", nn.avg_pool2d(h, 2) if level > 0 else h)
        skips.append(h)
    if config["heads"] > 0:
        h = attention_block(p, "middle.attention", h, config["heads"], config["fused"])
    for level in reversed(levels):
        if level < levels[-1]:
            h = skips[level] + nn.interpolate(convolution(p, f"widen{level}", h), scale_factor=2, mode="nearest")
        h = stage(f"up{level}", h)
    return convolution(p, "output", nn.silu(normalize(h, size)))


def residual_block(p: Params, name: str, x: Tensor, c: Tensor, size: int) -> Tensor:
    scale, shift = dense(p, f"{name}.modulation", c).chunk(2, dim=1)
    h = convolution(p, f"{name}.inner", nn.silu(normalize(x, size)))
    residual = convolution(p, f"{name}.outer", nn.silu(normalize(h, size, scale, shift)))
    return (convolution(p, f"{name}.skip", x) if f"{name}.skip.weight" in p else x) + residual


def attention_block(p: Params, name: str, x: Tensor, heads: int, fused: bool) -> Tensor:
    batch, channels, height, width = x.shape
    tokens = x.permute(0, 2, 3, 1).reshape(batch, height * width, channels)
    qkv = dense(p, f"{name}.qkv", rms_norm(tokens))
    attended = dense(p, f"{name}.projection", self_attention(qkv, heads, fused))
    return x + attended.reshape(batch, height, width, channels).permute(0, 3, 1, 2)


def normalize(x: Tensor, size: int, scale: Optional[Tensor] = None, shift: Optional[Tensor] = None) -> Tensor:
    """Root-mean-square group norm, whose factors are multiplied by the modulation's before they are applied to the map."""
    batch, channels = x.shape[:2]
    mean_square = x.square().reshape(batch, channels // size, -1).mean(dim=2, keepdim=True)
    factor = torch.rsqrt(mean_square + 1e-5).expand(batch, channels // size, size).reshape(batch, channels)
    if scale is None or shift is None:
        return x * factor[:, :, None, None]
    return torch.addcmul(shift[:, :, None, None], x, (factor * (1 + scale))[:, :, None, None])


def self_attention(qkv: Tensor, heads: int, fused: bool) -> Tensor:
    batch, tokens, triple = qkv.shape
    query, key, value = qkv.reshape(batch, tokens, 3, heads, -1).permute(2, 0, 3, 1, 4)
    if fused:
        attended = nn.scaled_dot_product_attention(query, key, value)
    else:
        attended = torch.softmax(query / query.shape[-1] ** 0.5 @ key.transpose(-1, -2), dim=-1) @ value
    return attended.transpose(1, 2).reshape(batch, tokens, triple // 3)


def conditioning(p: Params, t: Tensor, s: Tensor, label: Optional[Tensor]) -> Tensor:
    c = dense(p, "time.1", nn.silu(dense(p, "time.0", time_features(t))))
    c = c + dense(p, "interval.1", nn.silu(dense(p, "interval.0", time_features(t - s))))
    return nn.silu(c if label is None else c + nn.embedding(label, p["class.weight"]))


def time_features(t: Tensor) -> Tensor:
    angles = t[:, None] * FREQUENCIES.to(t.device)
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def position_features(config: dict[str, Any]) -> Tensor:
    """For each token, sin and cos of its row, then of its column, at width / 4 frequencies."""
    _, height, width = config["shape"]
    quarter = config["width"] // 4
    row, column = np.divmod(np.arange(height * width // config["patch"] ** 2), width // config["patch"])
    frequencies = 10_000.0 ** (-np.arange(quarter) / quarter)
    angles = [np.outer(place, frequencies) for place in (row, column)]
    return torch.tensor(np.concatenate([f(a) for a in angles for f in (np.sin, np.cos)], axis=-1), dtype=torch.float32)


def dense(p: Params, name: str, x: Tensor) -> Tensor:
    return nn.linear(x, p[f"{name}.weight"], p[f"{name}.bias"])


def convolution(p: Params, name: str, x: Tensor) -> Tensor:
    weight = p[f"{name}.weight"]
    return nn.conv2d(x, weight, p[f"{name}.bias"], padding=weight.shape[-1] // 2)


def rms_norm(x: Tensor) -> Tensor:
    return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + 1e-6)
