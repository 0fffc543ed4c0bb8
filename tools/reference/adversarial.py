"""Writes the golden file of packages/adversarial: losses, penalties and their gradients, see README.md."""

import json
import sys
from datetime import date
from pathlib import Path

sys.dont_write_bytecode = True

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save_file

from numbers_by_formula import parameters, sines

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", True)

OUT = Path(__file__).resolve().parents[2] / "packages/contract/src/goldens/adversarial.safetensors"

CASES = [
    {"name": "mlp", "shape": [2], "classes": 2, "width": 8, "depth": 2, "label": [1, 0, 1, 1]},
    {"name": "residual", "shape": [3, 8, 8], "classes": 3, "channels": [4, 6], "label": [2, 0, 1, 2]},
]


def dense(params, name, x, gain=1.0):
    return x @ (params[f"{name}.weight"] * gain / np.sqrt(x.shape[1])) + params[f"{name}.bias"]


def convolution(params, name, x, gain=1.0):
    weight = params[f"{name}.weight"]
    scale = gain / np.sqrt(np.prod(weight.shape[1:]))
    y = jax.lax.conv_general_dilated(x, weight * scale, (1, 1), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW"))
    bias = params.get(f"{name}.bias")
    return y if bias is None else y + bias[None, :, None, None]


def projection(params, h, label):
    logits = dense(params, "output", h)[:, 0]
    return logits + jnp.sum(h * params["output.classes"][label], 1) / np.sqrt(h.shape[1])


def mlp(case, params, x, label):
    for i in range(case["depth"]):
        x = jax.nn.silu(x @ params[f"hidden{i}.weight"] + params[f"hidden{i}.bias"])
    return projection(params, x, label)


def halved(x):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).mean((3, 5))


def with_deviation(x):
    """Groups of 4 samples: here the whole batch."""
    deviation = jnp.sqrt(jnp.mean((x - x.mean(0)) ** 2, 0) + 1e-8).mean()
    return jnp.concatenate([x, jnp.full((x.shape[0], 1, *x.shape[2:]), deviation)], 1)


def residual(case, params, x, label):
    act, gain = lambda x: jnp.where(x > 0, x, 0.2 * x), np.sqrt(2)
    h = act(convolution(params, "colour", x, gain))
    for i in range(len(case["channels"]) - 1):
        y = halved(act(convolution(params, f"block{i}.first", h, gain)))
        y = act(convolution(params, f"block{i}.second", y, gain))
        h = (y + convolution(params, f"block{i}.skip", halved(h))) / np.sqrt(2)
    h = act(convolution(params, "last", with_deviation(h), gain))
    h = act(dense(params, "dense", h.reshape(h.shape[0], -1), gain))
    return projection(params, h, label)


def mlp_shapes(case):
    width = case["width"]
    shapes = {"output.weight": (width, 1), "output.bias": (1,), "output.classes": (case["classes"], width)}
    for i in range(case["depth"]):
        shapes |= {f"hidden{i}.weight": (case["shape"][0] if i == 0 else width, width), f"hidden{i}.bias": (width,)}
    return shapes


def residual_shapes(case):
    channels, (colours, height, width) = case["channels"], case["shape"]
    last, places = channels[-1], height * width // 4 ** (len(channels) - 1)
    shapes = {"colour.weight": (channels[0], colours, 1, 1), "colour.bias": (channels[0],)}
    for i, (a, b) in enumerate(zip(channels, channels[1:])):
        shapes |= {f"block{i}.first.weight": (a, a, 3, 3), f"block{i}.first.bias": (a,)}
        shapes |= {f"block{i}.second.weight": (b, a, 3, 3), f"block{i}.second.bias": (b,)}
        shapes |= {f"block{i}.skip.weight": (b, a, 1, 1)}
    shapes |= {"last.weight": (last, last + 1, 3, 3), "last.bias": (last,)}
    shapes |= {"dense.weight": (last * places, last), "dense.bias": (last,)}
    shapes |= {"output.weight": (last, 1), "output.bias": (1,), "output.classes": (case["classes"], last)}
    return shapes


def results(case):
    judge, shapes = {"mlp": (mlp, mlp_shapes), "residual": (residual, residual_shapes)}[case["name"]]
    params = parameters(shapes(case), 0)
    batch = (len(case["label"]), *case["shape"])
    real, fake, label = sines(200, batch), sines(201, batch, 0.8), np.array(case["label"])
    logits = lambda params, x: judge(case, params, x, label)

    def penalty(params, x):
        slope = jax.grad(lambda x: jnp.sum(logits(params, x)))(x)
        return jnp.sum(slope**2) / x.shape[0]

    losses = {
        "discriminator": lambda params: jnp.mean(jax.nn.softplus(logits(params, fake) - logits(params, real))),
        "r1": lambda params: penalty(params, real),
        "r2": lambda params: penalty(params, fake),
    }
    out = {"real": logits(params, real), "fake": logits(params, fake)}
    for name, loss in losses.items():
        out[name], gradient = jax.value_and_grad(loss)(params)
        out |= {f"{name}/{key}": value for key, value in gradient.items()}
    generator = lambda fake: jnp.mean(jax.nn.softplus(logits(params, real) - logits(params, fake)))
    out["generator"], out["generator/fake"] = jax.value_and_grad(generator)(fake)
    return out


# A bias of the last layer shifts all logits equally: its gradients are zero and left out, as the test expects.
arrays = {f"{case['name']}/{key}": np.asarray(x) for case in CASES for key, x in results(case).items()}
arrays = {key: array for key, array in arrays.items() if abs(array).max() > 1e-14}
for key, array in arrays.items():
    if array.dtype != np.float64 or not np.isfinite(array).all():
        raise ValueError(f"{key}: wanted finite float64 values")
metadata = {"script": "tools/reference/adversarial.py", "jax": jax.__version__, "date": date.today().isoformat()}
save_file(arrays, OUT, metadata | {"case": json.dumps(CASES)})
OUT.chmod(0o644)
print(f"{OUT.name}: {len(arrays)} tensors, {OUT.stat().st_size} bytes")
